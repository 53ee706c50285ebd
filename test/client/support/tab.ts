import { strict as assert } from 'node:assert'
import type { Test } from 'tap'
import { createAuthIn } from '../../../lib/client/create-auth.js'
import type { AuthFetchOptions } from '../../../lib/client/options.js'
import type { Runtime } from '../../../lib/client/runtime.js'
import type { Auth, RefreshTokenStorage } from '../../../lib/client/types.js'
import { FakeChannels, FakeLocks } from './browser.js'
import { ScriptedServer } from './scripted-server.js'
import { VirtualTime } from './virtual-time.js'

export const ORIGIN = 'https://api.example.com'
/** The wall clock at the start of a test. */
export const START_MS = Date.parse('2026-01-01T00:00:00Z')

export interface Tab {
  auth: Auth
  /** The reasons that `onSessionEnd` received. */
  ends: string[]
}

export interface Browser {
  server: ScriptedServer
  time: VirtualTime
  locks: FakeLocks
  channels: FakeChannels
  /** Opens another tab. */
  open(options?: Partial<AuthFetchOptions>, runtime?: Partial<Runtime>): Tab
}

/** Opens a browser with a scripted server. Asserts after the test that no timer is left. */
export function openBrowser(t: Test): Browser {
  const server = new ScriptedServer()
  const time = new VirtualTime()
  const locks = new FakeLocks()
  const channels = new FakeChannels()
  t.after(async () => {
    await time.settle()
    assert.equal(time.pending, 0, 'no timer is left')
  })
  return {
    server,
    time,
    locks,
    channels,
    open(options, runtime) {
      const ends: string[] = []
      if (options?.transport) server.sendsRefreshToken = true
      const auth = createAuthIn(
        {
          fetch: server.fetch,
          locks,
          openChannel: channels.open,
          now: time.now,
          wallNow: () => START_MS + time.nowMs,
          after: time.after,
          random: () => 0.5,
          ...runtime
        },
        { baseUrl: ORIGIN, onSessionEnd: (reason) => ends.push(reason), ...options }
      )
      return { auth, ends }
    }
  }
}

export interface OneTab extends Browser, Tab {}

/** Opens a browser with one tab whose user is logged in. The access token is `token-1`. */
export async function loggedIn(
  t: Test,
  options?: Partial<AuthFetchOptions>,
  runtime?: Partial<Runtime>
): Promise<OneTab> {
  const browser = openBrowser(t)
  const tab = browser.open(options, runtime)
  await browser.time.until(tab.auth.login({ sub: 'ada' }))
  return { ...browser, ...tab }
}

/** Stores the refresh token in memory. */
export class MemoryStorage implements RefreshTokenStorage {
  readonly name: string | undefined
  value: string | null

  constructor(value: string | null = null, name?: string) {
    this.value = value
    this.name = name
  }

  async get(): Promise<string | null> {
    return this.value
  }

  async set(refreshToken: string): Promise<void> {
    this.value = refreshToken
  }

  async remove(): Promise<void> {
    this.value = null
  }
}

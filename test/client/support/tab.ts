import { strict as assert } from 'node:assert'
import type { Test } from 'tap'
import { createAuthFetchIn } from '../../../lib/client/create-auth-fetch.js'
import type { Environment } from '../../../lib/client/runtime.js'
import type { AuthFetch, AuthFetchOptions, RefreshTokenStorage } from '../../../lib/client/types.js'
import { FakeChannels, FakeLocks } from './browser.js'
import { ScriptedServer } from './scripted-server.js'
import { VirtualTime } from './virtual-time.js'

export const ORIGIN = 'https://api.example.com'

export interface Tab {
  auth: AuthFetch
  /** Why sessions ended, as `onSessionEnd` was told. */
  ends: string[]
}

export interface Browser {
  server: ScriptedServer
  time: VirtualTime
  locks: FakeLocks
  channels: FakeChannels
  /** Another tab of it. */
  open(options?: Partial<AuthFetchOptions>, environment?: Partial<Environment>): Tab
}

/** A browser of scripted parts. Whatever a test does in it, no timer is left. */
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
    open(options, environment) {
      const ends: string[] = []
      const auth = createAuthFetchIn(
        {
          fetch: server.fetch,
          locks,
          openChannel: channels.open,
          now: time.now,
          after: time.after,
          random: () => 0.5,
          ...environment
        },
        { baseUrl: ORIGIN, onSessionEnd: (reason) => ends.push(reason), ...options }
      )
      return { auth, ends }
    }
  }
}

export interface OneTab extends Browser, Tab {}

/** A browser with one tab, whose user has logged in: its access token is `token-1`. */
export async function loggedIn(
  t: Test,
  options?: Partial<AuthFetchOptions>,
  environment?: Partial<Environment>
): Promise<OneTab> {
  const browser = openBrowser(t)
  const tab = browser.open(options, environment)
  await browser.time.until(tab.auth.login({ sub: 'ada' }))
  return { ...browser, ...tab }
}

/** Keeps the refresh token in memory; `value` is what it holds. */
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

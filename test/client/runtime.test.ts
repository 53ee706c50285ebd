import { spawnSync } from 'node:child_process'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import {
  bodyTransport,
  createAuthFetch,
  type RefreshTokenStorage,
  UnavailableError
} from '../../lib/client/index.js'
import { detectRuntime } from '../../lib/client/runtime.js'
import { eventually } from '../support/eventually.js'
import { mockTimers, pass } from '../support/timers.js'
import { FakeLocks } from './support/browser.js'
import { ScriptedServer } from './support/scripted-server.js'
import { MemoryStorage, ORIGIN } from './support/tab.js'

t.test('createAuthFetch calls the given fetch as a function', async (t) => {
  const server = new ScriptedServer()
  const customFetch: typeof globalThis.fetch = function (this: unknown, input, init) {
    t.equal(this, undefined, 'the fetch of a browser throws if it is called as a method')
    return server.fetch(input, init)
  }
  const auth = createAuthFetch({ baseUrl: ORIGIN, fetch: customFetch })
  await auth.login({ sub: 'ada' })
  const { fetch } = auth
  t.match(await (await fetch('/me')).json(), { token: 'token-1' })
  auth.close()
})

t.test('createAuthFetch looks up the global fetch at each call', async (t) => {
  const server = new ScriptedServer()
  const auth = createAuthFetch({ baseUrl: ORIGIN })
  const { fetch } = globalThis
  t.after(() => {
    globalThis.fetch = fetch
  })
  globalThis.fetch = server.fetch
  t.equal((await auth.login({ sub: 'ada' })).status, 200)
  t.equal((await auth.fetch('/me')).status, 200)
})

/** Sets a global of a page until the test ends. */
function setGlobal(t: Test, name: 'origin' | 'navigator' | 'BroadcastChannel', value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name)
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  t.teardown(() => {
    if (before) Object.defineProperty(globalThis, name, before)
    else Reflect.deleteProperty(globalThis, name)
  })
}

t.test('clients of two users in one server process do not share tokens', async (t) => {
  const channels: string[] = []
  setGlobal(t, 'BroadcastChannel', function (this: unknown, name: string) {
    channels.push(name)
  })
  const open = (storage?: RefreshTokenStorage) => {
    const server = new ScriptedServer()
    const transport = storage && bodyTransport(storage)
    server.sendsRefreshToken = Boolean(storage)
    return { server, auth: createAuthFetch({ baseUrl: ORIGIN, fetch: server.fetch, transport }) }
  }
  for (const [one, two] of [
    [open(new MemoryStorage()), open(new MemoryStorage())],
    [open(), open()]
  ] as const) {
    await two.auth.login({ sub: 'bob' })
    await one.auth.login({ sub: 'ada' })
    one.server.expire()
    await one.auth.fetch('/me')
    t.equal(await two.auth.getAccessToken(), 'token-1')
    await one.auth.logout()
    t.equal(await two.auth.getAccessToken(), 'token-1')
  }
  t.same(channels, [], 'no channel is opened')
})

t.test('two tabs of one origin share the session through a BroadcastChannel', async (t) => {
  setGlobal(t, 'origin', 'https://app.example.com')
  const server = new ScriptedServer()
  const [one, two] = [0, 1].map(() => createAuthFetch({ baseUrl: ORIGIN, fetch: server.fetch }))
  t.teardown(() => {
    one?.close()
    two?.close()
  })
  await one?.login({ sub: 'ada' })
  await eventually(
    async () => (await two?.getAccessToken()) === 'token-1' || server.count('/auth/refresh') > 0
  )
  await one?.logout()
  await eventually(async () => (await two?.getAccessToken()) === null)
})

t.test('locks are used in a page only', (t) => {
  const locks = new FakeLocks()
  setGlobal(t, 'navigator', { locks })
  t.equal(detectRuntime().locks, undefined, 'a server process has locks too')
  setGlobal(t, 'origin', 'https://app.example.com')
  t.equal(detectRuntime().locks, locks)
  t.end()
})

t.test('a page without BroadcastChannel works', async (t) => {
  setGlobal(t, 'origin', 'https://app.example.com')
  setGlobal(t, 'BroadcastChannel', undefined)
  const server = new ScriptedServer()
  const auth = createAuthFetch({ baseUrl: ORIGIN, fetch: server.fetch })
  await auth.login({ sub: 'ada' })
  t.equal(await auth.getAccessToken(), 'token-1')
  await auth.logout()
  auth.close()
})

t.test('a page whose browser denies channels works', async (t) => {
  setGlobal(t, 'origin', 'https://app.example.com')
  setGlobal(t, 'BroadcastChannel', () => {
    throw new DOMException('The operation is insecure', 'SecurityError')
  })
  const server = new ScriptedServer()
  const auth = createAuthFetch({ baseUrl: ORIGIN, fetch: server.fetch })
  await auth.login({ sub: 'ada' })
  t.equal(await auth.getAccessToken(), 'token-1')
})

t.test('the clock adds the larger step of the wall clock and the monotonic clock', (t) => {
  mockTimers(t, { apis: ['Date'], now: 1_000_000 })
  const { now } = performance
  let monotonic = 50
  performance.now = () => monotonic
  t.teardown(() => {
    performance.now = now
  })
  const clock = detectRuntime().now
  t.equal(clock(), 0)
  monotonic += 1000
  t.equal(clock(), 1000, 'the wall clock stood still')
  return pass(3_600_000).then(() => {
    t.equal(clock(), 3_601_000, 'the machine slept')
    mock.timers.setTime(1_000_000)
    monotonic += 500
    t.equal(clock(), 3_601_500, 'the wall clock was set back')
  })
})

t.test('UnavailableError has a name, a code and a cause', (t) => {
  const error = new UnavailableError('-', { cause: 'why' })
  t.match(error, { name: 'UnavailableError', code: 'FRT_ERR_CLIENT_UNAVAILABLE', cause: 'why' })
  t.ok(error instanceof Error)
  t.end()
})

t.test('the client leaves no timer that keeps a Node.js process alive', (t) => {
  const script = `
    import { createAuthFetch } from './lib/client/index.ts'
    const tokens = () => Response.json({ access_token: 'a', expires_in: 300 })
    const auth = createAuthFetch({ baseUrl: 'https://api.example.com', fetch: async () => tokens() })
    await auth.login({})
    await auth.fetch('/me')
    await auth.getAccessToken({ minValidity: 3600 })
    console.log(process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length)
  `
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import=./scripts/ts-loader.mjs', '--input-type=module', '--eval', script],
    { encoding: 'utf8', timeout: 300_000, env: { ...process.env, NODE_OPTIONS: '' } }
  )
  t.equal(status, 0, stderr)
  t.equal(stdout.trim(), '0')
  t.end()
})

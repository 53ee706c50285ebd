import { spawnSync } from 'node:child_process'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { createAuthFetch, type RefreshTokenStorage, UnavailableError } from '../../lib/client/index.js'
import { runtime } from '../../lib/client/runtime.js'
import { eventually } from '../support/eventually.js'
import { mockTimers, pass } from '../support/timers.js'
import { FakeLocks } from './support/browser.js'
import { ScriptedServer } from './support/scripted-server.js'
import { MemoryStorage, ORIGIN } from './support/tab.js'

t.test('createAuthFetch takes a fetch, and calls it as a function', async (t) => {
  const server = new ScriptedServer()
  const own: typeof globalThis.fetch = function (this: unknown, input, init) {
    t.equal(this, undefined, 'a browser’s own fetch refuses to be a method')
    return server.fetch(input, init)
  }
  const auth = createAuthFetch({ baseUrl: ORIGIN, fetch: own })
  await auth.login({ sub: 'ada' })
  const { fetch } = auth
  t.match(await (await fetch('/me')).json(), { token: 'token-1' })
  auth.close()
})

t.test('without one, the runtime’s own is looked up at each call', async (t) => {
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

t.test('two users in one process of a server never hear of each other’s tokens', async (t) => {
  const open = (storage?: RefreshTokenStorage) => {
    const server = new ScriptedServer()
    return { server, auth: createAuthFetch({ baseUrl: ORIGIN, fetch: server.fetch, storage }) }
  }
  for (const [one, two] of [
    [open(new MemoryStorage()), open(new MemoryStorage())],
    [open(), open()]
  ] as const) {
    await two.auth.login({ sub: 'bob' })
    await one.auth.login({ sub: 'ada' })
    one.server.expire()
    await one.auth.fetch('/me')
    await new Promise((resolve) => setTimeout(resolve, 50))
    t.equal(await two.auth.getAccessToken(), 'token-1')
    await one.auth.logout()
    await new Promise((resolve) => setTimeout(resolve, 50))
    t.equal(await two.auth.getAccessToken(), 'token-1')
  }
})

/** As a page has it, until the test ends. */
function setGlobal(t: Test, name: 'origin' | 'navigator' | 'BroadcastChannel', value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name)
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  t.teardown(() => {
    if (before) Object.defineProperty(globalThis, name, before)
    else Reflect.deleteProperty(globalThis, name)
  })
}

t.test('two tabs of an origin share the session over a BroadcastChannel', async (t) => {
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

t.test('locks are those of the page, and of nothing else', (t) => {
  const locks = new FakeLocks()
  setGlobal(t, 'navigator', { locks })
  t.equal(runtime().locks, undefined, 'a server’s process has some, too')
  setGlobal(t, 'origin', 'https://app.example.com')
  t.equal(runtime().locks, locks)
  t.end()
})

t.test('a page whose browser has no BroadcastChannel does without', async (t) => {
  setGlobal(t, 'origin', 'https://app.example.com')
  setGlobal(t, 'BroadcastChannel', undefined)
  const server = new ScriptedServer()
  const auth = createAuthFetch({ baseUrl: ORIGIN, fetch: server.fetch })
  await auth.login({ sub: 'ada' })
  t.equal(await auth.getAccessToken(), 'token-1')
  await auth.logout()
  auth.close()
})

t.test('time passes by the clock that went further: one may be set, the other may have slept', (t) => {
  mockTimers(t, { apis: ['Date'], now: 1_000_000 })
  const { now } = performance
  let monotonic = 50
  performance.now = () => monotonic
  t.teardown(() => {
    performance.now = now
  })
  const clock = runtime().now
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

t.test('UnavailableError is known by its code', (t) => {
  const error = new UnavailableError('-', { cause: 'why' })
  t.match(error, { name: 'UnavailableError', code: 'FRT_ERR_CLIENT_UNAVAILABLE', cause: 'why' })
  t.ok(error instanceof Error)
  t.end()
})

t.test('a Node.js process that used the client ends by itself, at once', (t) => {
  const script = `
    import { createAuthFetch } from './lib/client/index.ts'
    const tokens = () => Response.json({ access_token: 'a', expires_in: 300, refresh_token: 'r' })
    const auth = createAuthFetch({ baseUrl: 'https://api.example.com', fetch: async () => tokens() })
    await auth.login({})
    await auth.fetch('/me')
    await auth.getAccessToken({ minValidity: 3600 })
    const began = performance.now()
    process.on('exit', () => console.log(Math.round(performance.now() - began)))
  `
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import=./scripts/ts-loader.mjs', '--input-type=module', '--eval', script],
    { encoding: 'utf8', timeout: 30_000, env: { ...process.env, NODE_OPTIONS: '' } }
  )
  t.equal(status, 0, stderr)
  // A refresh's own timers would keep it for five seconds and more.
  t.ok(Number(stdout) < 4000, `${stdout}`)
  t.end()
})

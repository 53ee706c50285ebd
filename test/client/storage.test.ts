import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { bodyTransport } from '../../lib/client/transport/body-transport.js'
import { headerTransport } from '../../lib/client/transport/header-transport.js'
import type { RefreshTokenStorage } from '../../lib/client/types.js'
import { deferred } from '../support/timers.js'
import { jwtOf } from './support/jwt.js'
import { json, networkError, unauthorized } from './support/scripted-server.js'
import { loggedIn, MemoryStorage, openBrowser, type Tab } from './support/tab.js'

const credentialsOf = (call: { init: RequestInit | undefined }) => call.init?.credentials

t.test('cookie mode sends credentials and no refresh token in the body', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  await time.until(auth.fetch('/me'))
  await time.until(auth.logout())
  const own = server.calls.filter(({ path }) => path.startsWith('/auth/'))
  t.same(own.map(credentialsOf), ['include', 'include', 'include'])
  t.same(
    own.slice(1).map(({ body }) => body),
    ['', '']
  )
})

t.test('body mode stores the refresh token, sends it in the body, and sends no cookie', async (t) => {
  const storage = new MemoryStorage()
  const { auth, server, time } = await loggedIn(t, { transport: bodyTransport(storage) })
  t.equal(storage.value, 'refresh-1')
  server.expire()
  await time.until(auth.fetch('/me'))
  t.equal(storage.value, 'refresh-2')
  await time.until(auth.logout())
  t.equal(storage.value, null)
  const own = server.calls.filter(({ path }) => path.startsWith('/auth/'))
  t.same(own.map(credentialsOf), ['omit', 'omit', 'omit'])
  t.same(
    own.slice(1).map(({ body }) => JSON.parse(body)),
    [{ refresh_token: 'refresh-1' }, { refresh_token: 'refresh-2' }]
  )
})

t.test('body mode restores the session from the storage', async (t) => {
  const { open, server, time } = openBrowser(t)
  const storage = new MemoryStorage('stored')
  const { auth } = open({ transport: bodyTransport(storage) })
  t.equal(await time.until(auth.getAccessToken()), 'token-1')
  t.same(JSON.parse(server.calls[0]!.body), { refresh_token: 'stored' })
})

t.test('the access token is not written to the storage', async (t) => {
  const written: string[] = []
  const storage = new MemoryStorage()
  const set = storage.set.bind(storage)
  storage.set = async (value) => {
    written.push(value)
    await set(value)
  }
  const { auth, server, time } = await loggedIn(t, { transport: bodyTransport(storage) })
  server.expire()
  await time.until(auth.fetch('/me'))
  t.same(written, ['refresh-1', 'refresh-2'])
})

t.test('an empty storage means logged out, without a call of the server', async (t) => {
  for (const value of [null, undefined, '']) {
    const { open, server, time } = openBrowser(t)
    const storage: RefreshTokenStorage = { get: () => value, set() {}, remove() {} }
    const { auth, ends } = open({ transport: bodyTransport(storage) })
    t.equal(await time.until(auth.getAccessToken()), null)
    t.equal((await time.until(auth.fetch('/me'))).status, 401)
    t.same(server.paths, ['/me'])
    t.same(ends, [])
  }
})

t.test('a synchronous storage works', async (t) => {
  let value: string | undefined
  const storage: RefreshTokenStorage = {
    get: () => value,
    set(refreshToken) {
      value = refreshToken
    },
    remove() {
      value = undefined
    }
  }
  const { auth, server, time } = await loggedIn(t, { transport: bodyTransport(storage) })
  server.expire()
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.equal(value, 'refresh-2')
  await time.until(auth.logout())
  t.equal(value, undefined)
})

t.test('a refresh token that the server rejected is removed from the storage', async (t) => {
  const storage = new MemoryStorage()
  const { auth, server, time, ends } = await loggedIn(t, { transport: bodyTransport(storage) })
  server.expire()
  server.script('/auth/refresh', () => unauthorized('FRT_ERR_REFRESH_TOKEN_EXPIRED'))
  t.equal((await time.until(auth.fetch('/me'))).status, 401)
  t.equal(storage.value, null)
  t.same(ends, ['FRT_ERR_REFRESH_TOKEN_EXPIRED'])
})

t.test('a refresh token that another tab stored meanwhile is not removed, but used', async (t) => {
  const storage = new MemoryStorage()
  const { auth, server, time, ends } = await loggedIn(t, { transport: bodyTransport(storage) })
  server.expire()
  server.script('/auth/refresh', () => {
    storage.value = 'of another tab'
    return unauthorized('FRT_ERR_REFRESH_TOKEN_REUSED')
  })
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.same(JSON.parse(server.callsTo('/auth/refresh')[1]!.body), { refresh_token: 'of another tab' })
  t.same(ends, [])
})

t.test(
  'after a conflict, the token that another tab stored meanwhile is used without a long pause',
  async (t) => {
    const storage = new MemoryStorage()
    const { auth, server, time, ends } = await loggedIn(t, { transport: bodyTransport(storage) })
    server.expire()
    server.script('/auth/refresh', () => {
      storage.value = 'of another tab'
      return json(503, { code: 'FRT_ERR_REFRESH_CONFLICT' }, { 'retry-after': '60' })
    })
    t.equal((await time.until(auth.fetch('/me'))).status, 200)
    t.same(JSON.parse(server.callsTo('/auth/refresh')[1]!.body), { refresh_token: 'of another tab' })
    t.ok(time.nowMs <= 1000, `after ${time.nowMs} ms`)
    t.same(ends, [])
  }
)

t.test('a refresh does not overwrite a token that another tab stored meanwhile, but sends it', async (t) => {
  const storage = new MemoryStorage()
  const { auth, server, time } = await loggedIn(t, { transport: bodyTransport(storage) })
  server.expire()
  server.script('/auth/refresh', () => {
    storage.value = 'of a login elsewhere'
    return server.issue()
  })
  await time.until(auth.fetch('/me'))
  t.same(JSON.parse(server.callsTo('/auth/refresh')[1]!.body), { refresh_token: 'of a login elsewhere' })
  t.equal(storage.value, 'refresh-3')
})

t.test('the access token of a refresh is dropped if another user logged in in another tab', async (t) => {
  const { open, server, time } = openBrowser(t)
  const storage = new MemoryStorage(null, 'local')
  const [one, two] = [1, 2].map(() => open({ transport: bodyTransport(storage) })) as [Tab, Tab]
  const tokensOf = (sub: string, refreshToken: string) => () =>
    json(200, { access_token: jwtOf({ sub }), expires_in: 300, refresh_token: refreshToken })
  server.script('/auth/login', tokensOf('ada', 'of ada'))
  await time.until(one.auth.login({}))
  server.script('/auth/refresh', () => {
    // The login has stored its token, and its message has not arrived yet.
    storage.value = 'of bob'
    return tokensOf('ada', 'of ada 2')()
  })
  server.script('/auth/refresh', tokensOf('bob', 'of bob 2'))
  await time.pass(301_000)
  t.equal(await time.until(one.auth.getAccessToken()), jwtOf({ sub: 'bob' }))
  t.equal(storage.value, 'of bob 2')
  t.match(two.auth.snapshot(), { user: { sub: 'bob' } })
  t.same([one.ends, two.ends], [['user-changed'], ['user-changed']])
})

t.test('slow storage: a logout during a slow write removes the token', async (t) => {
  const storage = new MemoryStorage()
  const { auth, server, time } = await loggedIn(t, { transport: bodyTransport(storage) })
  const set = storage.set.bind(storage)
  const { promise, resolve } = deferred<void>()
  storage.set = async (refreshToken) => {
    await promise
    await set(refreshToken)
  }
  server.expire()
  const waiting = auth.fetch('/me')
  await time.settle()
  const logout = auth.logout()
  await time.settle()
  resolve()
  await time.until(Promise.all([waiting, logout]))
  t.equal(storage.value, null)
})

/** A storage whose operations wait until the test releases them. */
class SlowStorage extends MemoryStorage {
  readonly waiting: (() => void)[] = []

  async #wait(): Promise<void> {
    const { promise, resolve } = deferred<void>()
    this.waiting.push(() => resolve())
    await promise
  }

  override async get(): Promise<string | null> {
    await this.#wait()
    return super.get()
  }

  override async set(refreshToken: string): Promise<void> {
    await this.#wait()
    await super.set(refreshToken)
  }

  override async remove(): Promise<void> {
    await this.#wait()
    await super.remove()
  }

  /** Releases the operations one by one until none waits. */
  async drain(): Promise<void> {
    for (let quiet = 0; quiet < 5; quiet++) {
      await nextTurn()
      const next = this.waiting.shift()
      if (!next) continue
      next()
      quiet = 0
    }
  }
}

t.test('slow storage: a logout during a login removes the token', async (t) => {
  const { open, server, time } = openBrowser(t)
  const storage = new SlowStorage()
  const { auth } = open({ transport: bodyTransport(storage) })
  const login = auth.login({ sub: 'ada' })
  await time.settle()
  t.equal(storage.waiting.length, 1, 'the token is being written')
  const logout = auth.logout()
  await storage.drain()
  await time.until(Promise.all([login, logout]))
  t.equal(storage.value, null)
  t.same(JSON.parse(server.callsTo('/auth/logout')[0]!.body), { refresh_token: 'refresh-1' })
})

t.test('slow storage: a logout during a refresh removes the token', async (t) => {
  const { open, server, time } = openBrowser(t)
  const storage = new SlowStorage('refresh-0')
  const { auth } = open({ transport: bodyTransport(storage) })
  const restoring = auth.getAccessToken()
  await storage.drain()
  t.equal(await time.until(restoring), 'token-1')
  server.expire()
  const late = deferred<Response>()
  server.script('/auth/refresh', () => late.promise)
  const waiting = auth.fetch('/me')
  await storage.drain()
  await time.settle()
  const logout = auth.logout()
  late.resolve(server.issue())
  await storage.drain()
  await time.until(Promise.all([waiting, logout]))
  t.equal(storage.value, null)
})

t.test('slow storage: a login does not remain stored if another tab logged out meanwhile', async (t) => {
  const { open, time } = openBrowser(t)
  const storage = new SlowStorage('old', 'local')
  const { auth } = open({ transport: bodyTransport(storage) })
  const other = open({ transport: bodyTransport(new MemoryStorage(null, 'local')) })
  const restoring = auth.getAccessToken()
  await time.settle()
  const login = auth.login({ sub: 'ada' })
  await time.settle()
  const logout = other.auth.logout()
  await time.settle()
  await storage.drain()
  await time.until(Promise.all([restoring, login, logout]))
  t.equal(storage.value, null)
  t.equal(await time.until(auth.getAccessToken()), null)
})

t.test('slow storage: a login is not stored if a later login replaced it', async (t) => {
  const { open, time } = openBrowser(t)
  const storage = new SlowStorage('old')
  const { auth } = open({ transport: bodyTransport(storage) })
  const restoring = auth.getAccessToken()
  await time.settle()
  const login = auth.login({ sub: 'ada' })
  await time.settle()
  const again = auth.login({ sub: 'bob' })
  await time.settle()
  await storage.drain()
  await time.until(Promise.all([restoring, login, again]))
  t.equal(storage.value, 'refresh-2')
  t.equal(await time.until(auth.getAccessToken()), 'token-2')
})

/** A storage with one operation that throws or never settles. */
class FailingStorage extends MemoryStorage {
  fails: 'get' | 'set' | 'remove' | undefined
  readonly #kind: 'throws' | 'hangs'

  constructor(kind: 'throws' | 'hangs', value: string | null = null) {
    super(value)
    this.#kind = kind
  }

  async #check(name: 'get' | 'set' | 'remove'): Promise<void> {
    if (this.fails !== name) return
    if (this.#kind === 'throws') throw new Error(`${name}: the keychain is locked`)
    await new Promise(() => {})
  }

  override async get(): Promise<string | null> {
    await this.#check('get')
    return super.get()
  }

  override async set(refreshToken: string): Promise<void> {
    await this.#check('set')
    await super.set(refreshToken)
  }

  override async remove(): Promise<void> {
    await this.#check('remove')
    await super.remove()
  }
}

for (const fails of ['get', 'set', 'remove'] as const) {
  for (const kind of ['throws', 'hangs'] as const) {
    t.test(`${fails} of the storage ${kind}: login, calls and logout continue in memory`, async (t) => {
      const { open, server, time } = openBrowser(t)
      const errors: unknown[] = []
      const storage = new FailingStorage(kind)
      storage.fails = fails
      const transport = bodyTransport(storage, { onStorageError: (error) => errors.push(error) })
      const { auth, ends } = open({ transport })
      t.equal((await time.until(auth.login({ sub: 'ada' }))).status, 200)
      server.expire()
      t.equal((await time.until(auth.fetch('/me'))).status, 200)
      server.expire()
      t.equal((await time.until(auth.fetch('/me'))).status, 200)
      t.same(
        server.callsTo('/auth/refresh').map(({ body }) => JSON.parse(body)),
        [{ refresh_token: 'refresh-1' }, { refresh_token: 'refresh-2' }]
      )
      await time.until(auth.logout())
      t.same(JSON.parse(server.callsTo('/auth/logout')[0]!.body), { refresh_token: 'refresh-3' })
      t.equal(errors.length, 1, 'the application is notified once')
      t.match(
        errors[0],
        kind === 'throws' ? { message: `${fails}: the keychain is locked` } : { name: 'AbortError' }
      )
      t.ok(time.nowMs <= 5000, 'the storage is waited for once')
      t.same(ends, ['logout'])
    })
  }
}

t.test('a storage that fails after a page load stops no call, and the session is unavailable', async (t) => {
  for (const kind of ['throws', 'hangs'] as const) {
    const { open, server, time } = openBrowser(t)
    const storage = new FailingStorage(kind, 'stored')
    storage.fails = 'get'
    const { auth, ends } = open({ transport: bodyTransport(storage) })
    server.script('/public', () => json(200, {}))
    t.equal((await time.until(auth.fetch('/public'))).status, 200)
    t.equal((await time.until(auth.fetch('/me'))).status, 401)
    t.equal(await time.until(auth.getAccessToken()), null)
    t.match(auth.snapshot(), { status: 'unavailable', reason: 'FRT_ERR_CLIENT_STORAGE' })
    t.same(ends, [], 'it is unknown whether the user is logged in')

    storage.fails = undefined
    t.match(await time.until(auth.restore()), { status: 'authenticated' }, 'restore uses the storage again')
    t.equal(storage.value, 'refresh-1')
  }
})

t.test('restore uses the token of a storage that works', async (t) => {
  const storage = new MemoryStorage('stored')
  const { open, server, time } = openBrowser(t)
  const { auth } = open({ transport: bodyTransport(storage) })
  t.match(await time.until(auth.restore()), { status: 'authenticated' })
  t.same(JSON.parse(server.calls[0]!.body), { refresh_token: 'stored' })
})

t.test('a first login step in body mode leaves the storage unchanged', async (t) => {
  const storage = new MemoryStorage('stored')
  const { open, server, time } = openBrowser(t)
  const { auth } = open({ transport: bodyTransport(storage) })
  server.script('/auth/login', () => json(200, { challenge: 'otp' }))
  t.equal((await time.until(auth.login({ sub: 'ada' }))).status, 200)
  t.equal(storage.value, 'stored')
})

t.test('storageTimeout limits each operation of the storage', async (t) => {
  const { open, time } = openBrowser(t)
  const storage = new FailingStorage('hangs')
  storage.fails = 'get'
  const { auth } = open({ transport: bodyTransport(storage, { storageTimeout: 0.5 }) })
  t.equal(await time.until(auth.getAccessToken()), null)
  t.equal(time.nowMs, 500)
})

t.test(
  'a token that could not be replaced does not stay in the storage, where it would count as reused',
  async (t) => {
    const storage = new FailingStorage('throws')
    const { auth, server, time } = await loggedIn(t, { transport: bodyTransport(storage) })
    server.expire()
    storage.fails = 'set'
    t.equal((await time.until(auth.fetch('/me'))).status, 200)
    t.equal(storage.value, null)
    storage.fails = undefined
    await time.until(auth.restore())
    t.equal(storage.value, 'refresh-3', 'restore stores the token again')
  }
)

/** A storage whose `get` throws once, as a keychain of a locked phone does. */
class LockedOnceStorage extends MemoryStorage {
  isLocked = false

  override async get(): Promise<string | null> {
    if (!this.isLocked) return super.get()
    this.isLocked = false
    throw new Error('the keychain is locked')
  }
}

t.test('a token that could not be read once does not stay in the storage after its rotation', async (t) => {
  const storage = new LockedOnceStorage()
  const { auth, server, time } = await loggedIn(t, { transport: bodyTransport(storage) })
  server.expire()
  storage.isLocked = true
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.equal(storage.value, null)
  await time.until(auth.restore())
  t.equal(storage.value, 'refresh-3', 'restore stores the token again')
})

t.test('a logout with a storage that failed removes the token, and restore does not undo it', async (t) => {
  for (const fails of [1, 2]) {
    const storage = new LockedOnceStorage()
    const { auth, server, time, ends } = await loggedIn(t, { transport: bodyTransport(storage) })
    storage.isLocked = true
    // The first removals fail, as long as the keychain is locked.
    const remove = storage.remove.bind(storage)
    let removals = 0
    storage.remove = async () => {
      if (++removals >= fails) return remove()
      throw new Error('the keychain is locked')
    }
    await time.until(auth.logout())
    if (fails === 1) t.equal(storage.value, null)
    t.same(await time.until(auth.restore()), {
      ...{ status: 'anonymous', user: null, reason: 'FRT_ERR_NO_REFRESH_TOKEN' }
    })
    t.equal(storage.value, null)
    t.equal(server.count('/auth/refresh'), 0)
    t.same(ends, ['logout'])
  }
})

t.test('a failing storage fails only once, even if the stale token cannot be removed either', async (t) => {
  const { open, time } = openBrowser(t)
  const storage: RefreshTokenStorage = {
    get: () => null,
    set: () => Promise.reject(new Error('set')),
    remove: () => Promise.reject(new Error('remove'))
  }
  const { auth } = open({ transport: bodyTransport(storage) })
  t.equal((await time.until(auth.login({ sub: 'ada' }))).status, 200)
  t.equal(await time.until(auth.getAccessToken()), 'token-1')
})

t.test('a terminal response ends the session even if the storage fails', async (t) => {
  const storage = new FailingStorage('throws')
  const { auth, server, time, ends } = await loggedIn(t, { transport: bodyTransport(storage) })
  server.expire()
  server.script('/auth/refresh', () => {
    storage.fails = 'remove'
    return unauthorized('FRT_ERR_REFRESH_TOKEN_EXPIRED')
  })
  t.equal((await time.until(auth.fetch('/me'))).status, 401)
  t.same(ends, ['FRT_ERR_REFRESH_TOKEN_EXPIRED'])
})

t.test('a refresh response without a refresh token leaves the storage unchanged', async (t) => {
  for (const createTransport of [bodyTransport, headerTransport]) {
    const storage = new MemoryStorage('stored')
    const { open, server, time } = openBrowser(t)
    const { auth } = open({ transport: createTransport(storage) })
    server.script('/auth/refresh', () => json(200, { access_token: 'a', expires_in: 300 }))
    t.equal(await time.until(auth.getAccessToken()), 'a')
    t.equal(storage.value, 'stored')
  }
})

t.test('a login without a refresh token rejects, and leaves no token of the previous user', async (t) => {
  const storage = new MemoryStorage()
  const { auth, server, time, ends } = await loggedIn(t, { transport: bodyTransport(storage) })
  server.script('/auth/login', () => json(200, { access_token: 'of bob', expires_in: 300 }))
  await t.rejects(time.until(auth.login({ sub: 'bob' })), {
    code: 'FRT_ERR_CLIENT_UNAVAILABLE',
    message: 'POST https://api.example.com/auth/login: 200: the server uses another transport'
  })
  t.equal(storage.value, null)
  t.equal(await time.until(auth.getAccessToken()), null)
  t.equal(server.callsTo('/auth/logout')[0]?.headers.get('authorization'), 'Bearer of bob', 'it is revoked')
  t.same(ends, ['logout'])
})

t.test('a login removes the token of the previous user before it stores its own', async (t) => {
  const storage = new MemoryStorage()
  const { auth, time } = await loggedIn(t, { transport: bodyTransport(storage) })
  const set = storage.set.bind(storage)
  let before: string | null = 'unknown'
  storage.set = async (refreshToken) => {
    before = storage.value
    await set(refreshToken)
  }
  await time.until(auth.login({ sub: 'bob' }))
  t.equal(before, null)
  t.equal(storage.value, 'refresh-2')
})

t.test('a cookie client rejects the login of a server that sends the refresh token to scripts', async (t) => {
  const bodyOf = (members: object, headers = {}) =>
    json(200, { access_token: 'a', expires_in: 300, ...members }, headers)
  for (const reply of [() => bodyOf({ refresh_token: 'r' }), () => bodyOf({}, { 'x-refresh-token': 'r' })]) {
    const { open, server, time } = openBrowser(t)
    const { auth } = open()
    server.script('/auth/login', reply)
    await t.rejects(time.until(auth.login({ sub: 'ada' })), { message: /another transport/ })
    t.equal(await time.until(auth.getAccessToken()), null)
    t.equal(server.count('/auth/logout'), 1)
  }
})

t.test('a first login step with a refresh_token member of its own is not rejected', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  server.script('/auth/login', () => json(200, { challenge: 'otp', refresh_token: 'of the application' }))
  t.equal((await time.until(auth.login({ sub: 'ada' }))).status, 200)
})

t.test('clients in one page whose storages have no name do not share tokens', async (t) => {
  const { open, server, time, locks } = openBrowser(t)
  const ada = open({ transport: bodyTransport(new MemoryStorage()) })
  const bob = open({ transport: bodyTransport(new MemoryStorage()) })
  await time.until(ada.auth.login({ sub: 'ada' }))
  await time.until(bob.auth.login({ sub: 'bob' }))
  t.equal(await time.until(ada.auth.getAccessToken()), 'token-1')
  t.equal(await time.until(bob.auth.getAccessToken()), 'token-2')
  server.expire()
  locks.isStuck = true
  t.equal((await time.until(ada.auth.fetch('/me'))).status, 200)
  await time.until(bob.auth.logout())
  t.equal(await time.until(ada.auth.getAccessToken()), 'token-3')
  t.same(ada.ends, [])
  t.equal(time.nowMs, 0, 'the clients do not wait for each other')
})

t.test('tabs whose storages have the same name share a refresh and a logout', async (t) => {
  const { open, server, time } = openBrowser(t)
  const storage = new MemoryStorage(null, 'local')
  const tabs = [1, 2, 3].map(() => open({ transport: bodyTransport(storage) }))
  const elsewhere = open({ transport: bodyTransport(new MemoryStorage('own', 'session')) })
  await time.until(tabs[0]!.auth.login({ sub: 'ada' }))
  server.expire()
  const responses = await time.until(Promise.all(tabs.map(({ auth }) => auth.fetch('/me'))))
  for (const response of responses) t.equal(response.status, 200)
  t.equal(server.count('/auth/refresh'), 1)
  await time.until(elsewhere.auth.getAccessToken())
  await time.until(tabs[2]!.auth.logout())
  t.same(
    tabs.map(({ ends }) => ends),
    [['logout'], ['logout'], ['logout']]
  )
  t.same(elsewhere.ends, [])
})

t.test('two tabs with one storage stay logged in after a lost response', async (t) => {
  const { open, server, time } = openBrowser(t)
  const storage = new MemoryStorage(null, 'local')
  const one = open({ transport: bodyTransport(storage) })
  const two = open({ transport: bodyTransport(storage) })
  await time.until(one.auth.login({ sub: 'ada' }))
  server.expire()
  server.script('/auth/refresh', networkError)
  const responses = await time.until(Promise.all([one.auth.fetch('/me'), two.auth.fetch('/me')]))
  for (const response of responses) t.equal(response.status, 200)
  t.same([...one.ends, ...two.ends], [])
})

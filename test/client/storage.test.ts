import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import type { RefreshTokenStorage } from '../../lib/client/types.js'
import { deferred } from '../support/timers.js'
import { json, networkError, unauthorized } from './support/scripted-server.js'
import { loggedIn, MemoryStorage, openBrowser } from './support/tab.js'

const UNAVAILABLE = { code: 'FRT_ERR_CLIENT_UNAVAILABLE' }

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
  const { auth, server, time } = await loggedIn(t, { storage })
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
  const { auth } = open({ storage })
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
  const { auth, server, time } = await loggedIn(t, { storage })
  server.expire()
  await time.until(auth.fetch('/me'))
  t.same(written, ['refresh-1', 'refresh-2'])
})

t.test('an empty storage means logged out, without a call of the server', async (t) => {
  for (const value of [null, undefined, '']) {
    const { open, server, time } = openBrowser(t)
    const storage: RefreshTokenStorage = { get: () => value, set() {}, remove() {} }
    const { auth, ends } = open({ storage })
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
  const { auth, server, time } = await loggedIn(t, { storage })
  server.expire()
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.equal(value, 'refresh-2')
  await time.until(auth.logout())
  t.equal(value, undefined)
})

t.test('a refresh token that the server rejected is removed from the storage', async (t) => {
  const storage = new MemoryStorage()
  const { auth, server, time, ends } = await loggedIn(t, { storage })
  server.expire()
  server.script('/auth/refresh', () => unauthorized('FRT_ERR_REFRESH_TOKEN_EXPIRED'))
  t.equal((await time.until(auth.fetch('/me'))).status, 401)
  t.equal(storage.value, null)
  t.same(ends, ['FRT_ERR_REFRESH_TOKEN_EXPIRED'])
})

t.test('a refresh token that another tab stored meanwhile is not removed, but used', async (t) => {
  const storage = new MemoryStorage()
  const { auth, server, time, ends } = await loggedIn(t, { storage })
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
    const { auth, server, time, ends } = await loggedIn(t, { storage })
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

t.test('a refresh does not overwrite a token that another tab stored meanwhile', async (t) => {
  const storage = new MemoryStorage()
  const { auth, server, time } = await loggedIn(t, { storage })
  server.expire()
  server.script('/auth/refresh', () => {
    storage.value = 'of a login elsewhere'
    return server.issue()
  })
  await time.until(auth.fetch('/me'))
  t.equal(storage.value, 'of a login elsewhere')
})

t.test('slow storage: a logout during a slow write removes the token', async (t) => {
  const storage = new MemoryStorage()
  const { auth, server, time } = await loggedIn(t, { storage })
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
  const { auth } = open({ storage })
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
  const { auth } = open({ storage })
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

t.test('slow storage: a login is not stored if another tab logged out meanwhile', async (t) => {
  const { open, time } = openBrowser(t)
  const storage = new SlowStorage('old', 'local')
  const { auth } = open({ storage })
  const other = open({ storage: new MemoryStorage(null, 'local') })
  const restoring = auth.getAccessToken()
  await time.settle()
  const login = auth.login({ sub: 'ada' })
  await time.settle()
  const logout = other.auth.logout()
  await time.settle()
  await storage.drain()
  await time.until(Promise.all([restoring, login, logout]))
  t.equal(storage.value, 'old', 'the logout of the other tab does not clear this storage')
  t.equal(await time.until(auth.getAccessToken()), null)
})

t.test('slow storage: a login is not stored if a later login replaced it', async (t) => {
  const { open, time } = openBrowser(t)
  const storage = new SlowStorage('old')
  const { auth } = open({ storage })
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

class ThrowingStorage extends MemoryStorage {
  fails: 'get' | 'set' | 'remove' | undefined

  #check(name: 'get' | 'set' | 'remove'): void {
    if (this.fails === name) throw new Error(`${name}: the keychain is locked`)
  }

  override async get(): Promise<string | null> {
    this.#check('get')
    return super.get()
  }

  override async set(refreshToken: string): Promise<void> {
    this.#check('set')
    await super.set(refreshToken)
  }

  override async remove(): Promise<void> {
    this.#check('remove')
    await super.remove()
  }
}

for (const fails of ['get', 'set'] as const) {
  t.test(`a storage whose ${fails} throws rejects with UnavailableError and keeps the session`, async (t) => {
    const storage = new ThrowingStorage()
    const { auth, server, time, ends } = await loggedIn(t, { storage })
    server.expire()
    storage.fails = fails
    await t.rejects(time.until(auth.fetch('/me')), {
      ...UNAVAILABLE,
      cause: { message: `${fails}: the keychain is locked` }
    })
    t.same(ends, [])
    storage.fails = undefined
    t.equal((await time.until(auth.fetch('/me'))).status, 200)
    const bodies = server.callsTo('/auth/refresh').map(({ body }) => JSON.parse(body).refresh_token)
    t.ok(
      bodies.every((token) => token === 'refresh-1'),
      'a token that was not stored was not used'
    )
  })
}

t.test('a login rejects if its token cannot be stored, and the session is revoked', async (t) => {
  const { open, server, time } = openBrowser(t)
  const storage = new ThrowingStorage()
  storage.fails = 'set'
  const { auth, ends } = open({ storage })
  await t.rejects(time.until(auth.login({ sub: 'ada' })), UNAVAILABLE)
  await time.settle()
  t.equal(await time.until(auth.getAccessToken()), null)
  t.same(ends, ['logout'])
  t.equal(server.count('/auth/logout'), 1, 'the session is revoked on the server')
})

for (const fails of ['get', 'remove'] as const) {
  t.test(`a logout reaches the server even if ${fails} of the storage throws, then rejects`, async (t) => {
    const storage = new ThrowingStorage()
    const { auth, server, time, ends } = await loggedIn(t, { storage })
    storage.fails = fails
    await t.rejects(time.until(auth.logout()), UNAVAILABLE)
    t.equal(server.callsTo('/auth/logout')[0]?.headers.get('authorization'), 'Bearer token-1')
    t.same(ends, ['logout'])
  })
}

t.test('a terminal response ends the session as soon as the storage works again', async (t) => {
  const storage = new ThrowingStorage()
  const { auth, server, time, ends } = await loggedIn(t, { storage })
  server.expire()
  server.script('/auth/refresh', () => {
    storage.fails = 'remove'
    return unauthorized('FRT_ERR_REFRESH_TOKEN_EXPIRED')
  })
  await t.rejects(time.until(auth.fetch('/me')), UNAVAILABLE)
  storage.fails = undefined
  server.script('/auth/refresh', () => unauthorized('FRT_ERR_REFRESH_TOKEN_EXPIRED'))
  t.equal((await time.until(auth.fetch('/me'))).status, 401)
  t.same(ends, ['FRT_ERR_REFRESH_TOKEN_EXPIRED'])
  t.equal(storage.value, null)
})

t.test('a response without a refresh token leaves the storage unchanged', async (t) => {
  const storage = new MemoryStorage('stored')
  const { open, server, time } = openBrowser(t)
  const { auth } = open({ storage })
  const withoutRefreshToken = () => json(200, { access_token: 'a', expires_in: 300 })
  server.script('/auth/refresh', withoutRefreshToken)
  t.equal(await time.until(auth.getAccessToken()), 'a')
  t.equal(storage.value, 'stored')
  server.script('/auth/login', withoutRefreshToken)
  await time.until(auth.login({}))
  t.equal(storage.value, 'stored')
})

t.test('clients in one page whose storages have no name do not share tokens', async (t) => {
  const { open, server, time, locks } = openBrowser(t)
  const ada = open({ storage: new MemoryStorage() })
  const bob = open({ storage: new MemoryStorage() })
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
  const tabs = [1, 2, 3].map(() => open({ storage }))
  const elsewhere = open({ storage: new MemoryStorage('own', 'session') })
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
  const one = open({ storage })
  const two = open({ storage })
  await time.until(one.auth.login({ sub: 'ada' }))
  server.expire()
  server.script('/auth/refresh', networkError)
  const responses = await time.until(Promise.all([one.auth.fetch('/me'), two.auth.fetch('/me')]))
  for (const response of responses) t.equal(response.status, 200)
  t.same([...one.ends, ...two.ends], [])
})

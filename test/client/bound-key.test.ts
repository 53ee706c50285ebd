import t, { type Test } from 'tap'
import { createAuthIn } from '../../lib/client/create-auth.js'
import { createBoundKey } from '../../lib/client/key/bound-key.js'
import type { AuthFetchOptions } from '../../lib/client/options.js'
import { detectRuntime } from '../../lib/client/runtime.js'
import { bodyTransport } from '../../lib/client/transport/body-transport.js'
import type { Auth, FetchFunction } from '../../lib/client/types.js'
import type { FastifyRefreshTokenOptions } from '../../lib/index.js'
import { type AppUnderTest, buildApp } from '../support/build-app.js'
import { createInjectFetch } from '../support/inject-fetch.js'
import { deferred } from '../support/timers.js'
import { FakeChannels, FakeLocks } from './support/browser.js'
import { FakeIndexedDb } from './support/fake-indexed-db.js'
import { MemoryStorage } from './support/tab.js'

// The client with a key in IndexedDB, and the real plugin.

const ORIGIN = 'https://app.example.com'
const EXPIRED_MS = 301_000
const DATABASE_TIMEOUT_MS = 5000
const UNAVAILABLE = { code: 'FRT_ERR_CLIENT_UNAVAILABLE' }

interface Site extends AppUnderTest {
  database: FakeIndexedDb
  /** The cookies of the browser. */
  cookies: Map<string, string>
  /** The routes that were called, and whether the request had a proof. */
  calls: string[]
  /** Replaces `fetch` for the next requests of a route. */
  intercept(path: string, send: FetchFunction): void
  /** Opens a tab. */
  open(options?: Partial<AuthFetchOptions>): Tab
}

interface Tab {
  auth: Auth
  ends: string[]
}

async function openSite(t: Test, options: Partial<FastifyRefreshTokenOptions> = {}): Promise<Site> {
  const database = FakeIndexedDb.install(t)
  const built = await buildApp(t, { options })
  const cookies = new Map<string, string>()
  const server = createInjectFetch(built.app, undefined, cookies)
  const intercepted = new Map<string, FetchFunction>()
  const calls: string[] = []
  const channels = new FakeChannels()
  const locks = new FakeLocks()

  /** Shortens the pauses between attempts, and the limit of a database that hangs. Leaves other limits unchanged. */
  const after = (ms: number, work: () => void) => {
    const isShort = ms < DATABASE_TIMEOUT_MS || (ms === DATABASE_TIMEOUT_MS && database.fault === 'hang')
    const timer = setTimeout(work, isShort ? ms / 100 : ms)
    return () => clearTimeout(timer)
  }
  const fetch: FetchFunction = async (input, init) => {
    const { pathname } = new URL(String(input))
    init?.signal?.throwIfAborted()
    if (pathname.startsWith('/auth'))
      calls.push(new Headers(init?.headers).has('dpop') ? `${pathname} with proof` : pathname)
    const send = intercepted.get(pathname)
    intercepted.delete(pathname)
    return (send ?? server.fetch)(input, init)
  }
  return {
    ...built,
    database,
    cookies,
    calls,
    intercept: (path, send) => void intercepted.set(path, send),
    open(options) {
      const ends: string[] = []
      const runtime = {
        ...detectRuntime(fetch),
        openChannel: channels.open,
        locks,
        now: built.clock.now,
        after,
        random: () => 0
      }
      const onSessionEnd = (reason: string) => void ends.push(reason)
      const auth = createAuthIn(runtime, { baseUrl: ORIGIN, key: createBoundKey(), onSessionEnd, ...options })
      return { auth, ends }
    }
  }
}

async function logIn(t: Test, site: Site, options?: Partial<AuthFetchOptions>): Promise<Tab> {
  const tab = site.open(options)
  t.equal((await tab.auth.login({ sub: 'ada' })).status, 200)
  return tab
}

async function isBound({ app }: Site): Promise<boolean[]> {
  const sessions = await app.sessions.list('ada')
  return sessions.map(({ jkt }) => jkt !== null)
}

async function callMe(site: Site, { auth }: Tab): Promise<number> {
  site.clock.advance(EXPIRED_MS)
  return (await auth.fetch('/me')).status
}

t.test('a login binds the session, each refresh proves the key, and a logout deletes the key', async (t) => {
  const site = await openSite(t)
  const tab = await logIn(t, site)
  t.same(await isBound(site), [true])
  t.equal(await callMe(site, tab), 200)
  t.equal(await callMe(site, tab), 200)
  t.equal(site.database.values.size, 1)
  await tab.auth.logout()
  t.equal(site.database.values.size, 0, 'before the logout resolves')
  t.same(await isBound(site), [])
  t.same(site.calls, [
    '/auth/login with proof',
    '/auth/refresh with proof',
    '/auth/refresh with proof',
    '/auth/logout with proof'
  ])
  t.equal(site.database.openConnections, 0, 'no connection is left open')
  t.same(tab.ends, ['logout'])
})

t.test('the private key cannot be exported', async (t) => {
  const site = await openSite(t)
  await logIn(t, site)
  const [{ privateKey }] = [...site.database.values.values()] as [CryptoKeyPair]
  t.equal(privateKey.extractable, false)
  await t.rejects(crypto.subtle.exportKey('jwk', privateKey))
})

t.test('a visitor without a session gets no key', async (t) => {
  const site = await openSite(t)
  const { auth } = site.open()
  t.match(await auth.restore(), { status: 'anonymous' })
  t.equal(site.database.values.size, 0)
  t.same(site.calls, ['/auth/refresh'])
})

t.test('five tabs that log in at once create one key', async (t) => {
  const site = await openSite(t)
  const tabs = Array.from({ length: 5 }, () => site.open())
  for (const response of await Promise.all(tabs.map(({ auth }) => auth.login({ sub: 'ada' }))))
    t.equal(response.status, 200)
  const sessions = await site.app.sessions.list('ada')
  t.equal(new Set(sessions.map(({ jkt }) => jkt)).size, 1)
  for (const tab of tabs) t.equal(await callMe(site, tab), 200)
  t.same(
    tabs.flatMap(({ ends }) => ends),
    []
  )
})

t.test('a reloaded page continues the session with the key', async (t) => {
  const site = await openSite(t)
  await logIn(t, site)
  t.match(await site.open().auth.restore(), { status: 'authenticated', user: { sub: 'ada' } })
})

for (const [name, code] of [
  ['without a key', 'FRT_ERR_PROOF_REQUIRED'],
  ['with another key', 'FRT_ERR_PROOF_KEY_MISMATCH']
] as const) {
  t.test(`a copied cookie is useless in a browser ${name}, and the user continues`, async (t) => {
    const site = await openSite(t)
    const user = await logIn(t, site)
    const copy = new Map(site.cookies)
    const key = createBoundKey('of the attacker')
    const attacker = site.open({ key, channel: false })
    if (name === 'with another key') {
      t.equal((await attacker.auth.login({ sub: 'mallory' })).status, 200)
      site.clock.advance(EXPIRED_MS)
    }
    for (const [cookie, value] of copy) site.cookies.set(cookie, value)
    t.equal(await attacker.auth.getAccessToken(), null)
    t.same(attacker.ends, [code])
    t.match(attacker.auth.snapshot(), { status: 'anonymous', reason: code })
    t.equal(await callMe(site, user), 200)
  })
}

t.test('a key that the browser has evicted ends the session, and a new login works', async (t) => {
  const site = await openSite(t)
  const tab = await logIn(t, site)
  site.database.values.clear()
  t.equal(await callMe(site, tab), 401)
  t.same(tab.ends, ['FRT_ERR_PROOF_REQUIRED'])
  t.equal((await tab.auth.login({ sub: 'ada' })).status, 200)
  t.equal(await callMe(site, tab), 200)
})

t.test(
  'a login over an existing session uses its key, so that the server replaces the session',
  async (t) => {
    const site = await openSite(t)
    await logIn(t, site)
    await logIn(t, site)
    t.same(await isBound(site), [true])
  }
)

for (const value of ['text', { publicKey: 1, privateKey: 2 }, null]) {
  t.test(`a stored ${JSON.stringify(value)} is not a key pair, and a login replaces it`, async (t) => {
    const site = await openSite(t)
    site.database.values.set('default', value)
    await site.open().auth.restore()
    const tab = await logIn(t, site)
    t.same(await isBound(site), [true])
    t.equal(await callMe(site, tab), 200)
  })
}

t.test('keys of different names are independent', async (t) => {
  const site = await openSite(t)
  const staff = await logIn(t, site, { key: createBoundKey('staff'), channel: 'staff' })
  const customer = site.open({ key: createBoundKey('customer'), channel: 'customer' })
  await customer.auth.login({ sub: 'grace' })
  await staff.auth.logout()
  t.same([...site.database.values.keys()], ['customer'])
})

t.test(
  'without IndexedDB or WebCrypto, or if the browser stores no keys, the session is not bound',
  async (t) => {
    const { crypto } = globalThis
    const cases: Record<string, FakeIndexedDb['fault'] | ((t: Test) => void)> = {
      'no IndexedDB': () => Reflect.deleteProperty(globalThis, 'indexedDB'),
      'no WebCrypto': (t) => {
        Object.defineProperty(globalThis, 'crypto', {
          value: { ...crypto, subtle: undefined },
          configurable: true
        })
        t.after(() => Object.defineProperty(globalThis, 'crypto', { value: crypto, configurable: true }))
      },
      'a database that cannot be opened': 'open',
      'a full disk': 'transaction',
      'a database that does not answer': 'hang'
    }
    for (const [name, fault] of Object.entries(cases)) {
      await t.test(name, async (t) => {
        const site = await openSite(t)
        if (typeof fault === 'function') fault(t)
        else site.database.fault = fault
        const tab = await logIn(t, site)
        t.same(await isBound(site), [false])
        t.equal(await callMe(site, tab), 200)
        await tab.auth.logout()
        t.same(await isBound(site), [])
        t.same(site.calls, ['/auth/login', '/auth/refresh', '/auth/logout'])
      })
    }
  }
)

t.test('without a key, a server that requires one rejects the login and says so', async (t) => {
  const site = await openSite(t, { binding: { mode: 'required' } })
  site.database.fault = 'open'
  const response = await site.open().auth.login({ sub: 'ada' })
  t.match(await response.json(), { statusCode: 401, code: 'FRT_ERR_PROOF_REQUIRED' })
})

t.test('while the key cannot be read, a bound session is unavailable and does not end', async (t) => {
  const site = await openSite(t)
  const tab = await logIn(t, site)
  for (const fault of ['open', 'transaction', 'hang'] as const) {
    site.database.fault = fault
    site.clock.advance(EXPIRED_MS)
    await t.rejects(tab.auth.fetch('/me'), UNAVAILABLE)
    t.match(tab.auth.snapshot(), { status: 'unavailable' })
    site.database.fault = undefined
    t.match(await tab.auth.restore(), { status: 'authenticated' })
  }
  t.same(tab.ends, [])
})

t.test('if the key cannot be read, a logout revokes the session by the access token', async (t) => {
  const site = await openSite(t)
  const tab = await logIn(t, site)
  site.database.fault = 'open'
  await tab.auth.logout()
  t.same(await isBound(site), [])
})

t.test('if every proof needs a nonce, only the first login costs one more request', async (t) => {
  const site = await openSite(t, { binding: { nonce: 'always' } })
  const tab = await logIn(t, site)
  site.clock.advance(100_000)
  await tab.auth.restore()
  site.clock.advance(100_000)
  await tab.auth.restore()
  await tab.auth.logout()
  const names = site.calls.map((call) => call.replace(' with proof', ''))
  t.same(names, ['/auth/login', '/auth/login', '/auth/refresh', '/auth/refresh', '/auth/logout'])
})

t.test('a script that cannot read the header DPoP-Nonce reads the nonce from the body', async (t) => {
  const site = await openSite(t, { binding: { nonce: 'always' } })
  const server = createInjectFetch(site.app, undefined, site.cookies)
  const fetch: FetchFunction = async (input, init) => {
    const { status, body } = await server.fetch(input, init)
    return new Response(body, { status })
  }
  const { auth } = site.open({ key: createBoundKey() })
  const hidden = createAuthIn(
    { ...detectRuntime(fetch), locks: undefined },
    { baseUrl: ORIGIN, key: createBoundKey() }
  )
  t.equal((await hidden.login({ sub: 'ada' })).status, 200)
  t.match(await auth.restore(), { status: 'authenticated' })
})

t.test('a request that the network sends twice does not end the session', async (t) => {
  const site = await openSite(t)
  const tab = await logIn(t, site)
  const { fetch } = createInjectFetch(site.app, undefined, site.cookies)
  site.intercept('/auth/refresh', async (input, init) => {
    await fetch(input, init)
    return fetch(input, init)
  })
  t.equal(await callMe(site, tab), 200)
  t.equal(site.calls.filter((call) => call === '/auth/refresh with proof').length, 2)
  t.same(tab.ends, [])
})

t.test('a server that rejects each proof makes the session unavailable, and a login reject', async (t) => {
  // As after a change of the proxy: the proofs are for another address.
  let address = `${ORIGIN}/auth/login`
  const options = { binding: { address: () => [address, address.replace('login', 'refresh')] } }
  const site = await openSite(t, options)
  const tab = await logIn(t, site)
  address = 'https://elsewhere.example.com/auth/login'
  site.clock.advance(EXPIRED_MS)
  const error = { ...UNAVAILABLE, message: `POST ${ORIGIN}/auth/refresh: 401 FRT_ERR_PROOF_INVALID` }
  await t.rejects(tab.auth.fetch('/me'), error)
  t.equal(site.calls.filter((call) => call === '/auth/refresh with proof').length, 2)
  await t.rejects(tab.auth.login({ sub: 'ada' }), UNAVAILABLE)
  t.same(tab.ends, [])
  address = `${ORIGIN}/auth/login`
  t.equal(await callMe(site, tab), 200)
})

t.test(
  'the key is kept while a logout is pending, and deleted when the server has confirmed it',
  async (t) => {
    const site = await openSite(t)
    const tab = await logIn(t, site)
    const confirmed = deferred<void>()
    const { fetch } = createInjectFetch(site.app, undefined, site.cookies)
    site.intercept('/auth/logout', async (input, init) => {
      await confirmed.promise
      t.equal(site.database.values.size, 1)
      return fetch(input, init)
    })
    const logout = tab.auth.logout()
    confirmed.resolve()
    await logout
    t.equal(site.database.values.size, 0)
  }
)

t.test('a logout that the server does not confirm keeps the key for the next attempt', async (t) => {
  const site = await openSite(t, { transport: 'body' })
  const tab = await logIn(t, site, { transport: bodyTransport(new MemoryStorage()) })
  const reject: FetchFunction = async () => {
    site.intercept('/auth/logout', reject)
    return new Response(null, { status: 503 })
  }
  site.intercept('/auth/logout', reject)
  await t.rejects(tab.auth.logout(), UNAVAILABLE)
  t.equal(site.database.values.size, 1)
  site.intercept('/auth/logout', createInjectFetch(site.app).fetch)
  await tab.auth.logout()
  t.equal(site.database.values.size, 0)
  t.same(await isBound(site), [])
})

t.test('a login in another tab during a logout keeps the key', async (t) => {
  const site = await openSite(t, { transport: 'body' })
  const storage = new MemoryStorage(null, 'shared')
  const [leaving, entering] = [0, 1].map(() => site.open({ transport: bodyTransport(storage) })) as [Tab, Tab]
  await leaving.auth.login({ sub: 'ada' })
  const { fetch } = createInjectFetch(site.app)
  site.intercept('/auth/logout', async (input, init) => {
    const response = await fetch(input, init)
    t.equal((await entering.auth.login({ sub: 'grace' })).status, 200)
    return response
  })
  await leaving.auth.logout()
  t.equal(site.database.values.size, 1)
  t.equal(await callMe(site, entering), 200)
  t.same(entering.ends, ['logout'])
})

t.test('a repeated logout after a login in another tab keeps the key', async (t) => {
  const site = await openSite(t, { transport: 'body' })
  const storage = new MemoryStorage(null, 'shared')
  const [leaving, entering] = [0, 1].map(() => site.open({ transport: bodyTransport(storage) })) as [Tab, Tab]
  await leaving.auth.login({ sub: 'ada' })
  site.intercept('/auth/logout', async () => {
    await entering.auth.login({ sub: 'grace' })
    return new Response(null, { status: 503 })
  })
  await leaving.auth.logout()
  t.equal(site.database.values.size, 1)
  t.equal(await callMe(site, entering), 200)
})

t.test('a login that the caller aborts rejects with the reason of the abort', async (t) => {
  const site = await openSite(t)
  const aborter = new AbortController()
  site.intercept('/auth/login', () => new Promise(() => {}))
  const login = site.open().auth.login({ sub: 'ada' }, { signal: aborter.signal })
  setImmediate(() => aborter.abort(new Error('the user has left')))
  await t.rejects(login, { message: 'the user has left' })
})

import t, { type Test } from 'tap'
import { createAuthFetchIn } from '../../lib/client/create-auth-fetch.js'
import { runtime } from '../../lib/client/runtime.js'
import type { AuthFetch, AuthFetchOptions } from '../../lib/client/types.js'
import type { FastifyRefreshTokenOptions, RefreshEvent } from '../../lib/index.js'
import { buildApp, DOWN, listen, overriding } from '../support/build-app.js'
import type { Clock } from '../support/clock.js'
import { eventually } from '../support/eventually.js'
import { openMemoryStore } from '../support/stores.js'
import { deferred } from '../support/timers.js'
import { type FaultyProxy, startFaultyProxy } from './support/faulty-proxy.js'
import { CookieJar } from './support/lossy-network.js'
import { MemoryStorage } from './support/tab.js'

const EXPIRED_MS = 301_000
const UNAVAILABLE = { code: 'FRT_ERR_CLIENT_UNAVAILABLE' }

type Fetch = typeof globalThis.fetch

interface Site {
  proxy: FaultyProxy
  clock: Clock
  /** What the clients' time is ahead of the server's. */
  skewMs: number
  /** Lets it pass for the server alone. */
  passForServer(ms: number): void
  refreshes: RefreshEvent[]
  stop(): void
  start(): void
}

async function openSite(t: Test, options: Partial<FastifyRefreshTokenOptions> = {}): Promise<Site> {
  const methods = {}
  const under = overriding(openMemoryStore(), methods)
  const refreshes: RefreshEvent[] = []
  const { app, clock } = await buildApp(t, {
    under,
    options: { onRefresh: (event) => refreshes.push(event), ...options },
    extend: (app) => app.post('/echo', { preHandler: app.authenticate }, async (request) => request.body)
  })
  const site: Site = {
    proxy: await startFaultyProxy(t, await listen(app)),
    clock,
    skewMs: 0,
    passForServer(ms) {
      clock.advance(ms)
      site.skewMs -= ms
    },
    refreshes,
    stop: () => Object.assign(methods, DOWN),
    start() {
      for (const name of Object.keys(methods)) Reflect.deleteProperty(methods, name)
    }
  }
  return site
}

/** As a browser does it: the cookie goes where `credentials` says so, and what comes is kept. */
function withCookies(jar: CookieJar, headers: Record<string, string> = {}): Fetch {
  return async (input, init) => {
    const includes = init?.credentials === 'include'
    const sent = new Headers(init?.headers)
    for (const [name, value] of Object.entries({ ...headers, ...(includes && jar.header) }))
      sent.set(name, value)
    const response = await fetch(input, { ...init, headers: sent })
    if (includes) jar.keep(response.headers.getSetCookie())
    return response
  }
}

interface Opened {
  auth: AuthFetch
  ends: string[]
}

/** The pauses between tries are short here; what stops waiting for an answer is not. */
function after(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, ms < 5000 ? ms / 20 : ms)
  return () => clearTimeout(timer)
}

/** A client whose time is that of the test's clock, or beside it. */
function openClient(site: Site, fetch: Fetch, options: Partial<AuthFetchOptions> = {}): Opened {
  const ends: string[] = []
  const auth = createAuthFetchIn(
    { ...runtime(), fetch, now: () => site.clock.nowMs + site.skewMs, after, random: () => 0 },
    { baseUrl: site.proxy.origin, onSessionEnd: (reason) => ends.push(reason), ...options }
  )
  return { auth, ends }
}

interface Mode {
  name: string
  transport: 'cookie' | 'body'
  /** A browser, or what comes nearest: each of its clients shares what it keeps. */
  open(site: Site): () => Opened
}

const MODES: Mode[] = [
  {
    name: 'cookie mode',
    transport: 'cookie',
    open(site) {
      const jar = new CookieJar()
      return () => openClient(site, withCookies(jar))
    }
  },
  {
    name: 'body mode',
    transport: 'body',
    open(site) {
      const storage = new MemoryStorage()
      return () => openClient(site, (input, init) => fetch(input, init), { storage })
    }
  }
]

const rotations = ({ refreshes }: Site) => refreshes.filter(({ outcome }) => outcome === 'rotated').length

for (const { name, transport, open: openIn } of MODES) {
  const start = async (t: Test) => {
    const site = await openSite(t, { transport })
    const open = openIn(site)
    const client = open()
    t.equal((await client.auth.login({ sub: 'ada' })).status, 200)
    return { ...site, ...client, site, open }
  }

  t.test(`${name}: login, call, restore after a reload, logout`, async (t) => {
    const { auth, open, ends, clock, site } = await start(t)
    t.match(await (await auth.fetch('/me')).json(), { sub: 'ada', gen: 1 })
    const reloaded = open()
    t.match(await (await reloaded.auth.fetch('/me')).json(), { sub: 'ada', gen: 2 })
    clock.advance(EXPIRED_MS)
    t.match(await (await reloaded.auth.fetch('/me')).json(), { gen: 3 })
    t.equal(rotations(site), 2)
    await reloaded.auth.logout()
    t.equal((await auth.fetch('/me')).status, 401)
    t.equal(await open().auth.getAccessToken(), null)
    t.match(reloaded.ends, ['logout'])
    t.equal(ends.length, 1)
  })

  t.test(`${name}: fifty calls at once when the token has expired: one refresh`, async (t) => {
    const { auth, clock, refreshes, proxy, ends } = await start(t)
    clock.advance(EXPIRED_MS)
    const body = JSON.stringify({ of: 'each' })
    const headers = { 'content-type': 'application/json' }
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        i % 2 ? auth.fetch('/me') : auth.fetch('/echo', { method: 'POST', body, headers })
      )
    )
    for (const answer of answers) t.equal(answer.status, 200)
    t.equal(proxy.count('/auth/refresh'), 1)
    t.match(refreshes, [{ outcome: 'rotated' }])
    t.same(ends, [])
  })

  t.test(`${name}: fifty calls that the server refuses at once: one refresh, fifty retries`, async (t) => {
    const { auth, proxy, site } = await start(t)
    site.passForServer(EXPIRED_MS)
    const answers = await Promise.all(Array.from({ length: 50 }, () => auth.fetch('/me')))
    for (const answer of answers) t.equal(answer.status, 200)
    t.equal(proxy.count('/auth/refresh'), 1)
    t.equal(proxy.count('/me'), 100)
  })

  t.test(`${name}: lost answers: the retry is a replay, and nobody is logged out`, async (t) => {
    const { auth, clock, refreshes, proxy, ends } = await start(t)
    for (const faults of [['lost'], ['lost', 'lost']] as const) {
      refreshes.length = 0
      clock.advance(EXPIRED_MS)
      proxy.fault('/auth/refresh', ...faults)
      t.equal((await auth.fetch('/me')).status, 200)
      t.same(
        refreshes.map(({ outcome }) => outcome),
        ['rotated', ...faults.map(() => 'replayed')]
      )
    }
    t.same(ends, [])
  })

  t.test(`${name}: all three answers lost, and half an hour later it goes on`, async (t) => {
    const { auth, clock, refreshes, proxy, ends } = await start(t)
    clock.advance(EXPIRED_MS)
    proxy.fault('/auth/refresh', 'lost', 'lost', 'lost')
    await t.rejects(auth.fetch('/me'), UNAVAILABLE)
    clock.advance(1_800_000)
    t.equal((await auth.fetch('/me')).status, 200)
    t.same(
      refreshes.map(({ outcome }) => outcome),
      ['rotated', 'replayed', 'replayed', 'replayed']
    )
    t.same(ends, [])
  })

  t.test(`${name}: a stopped store keeps the session, and a token that is good goes on`, async (t) => {
    const { auth, clock, proxy, ends, stop, start: startStore } = await start(t)
    stop()
    t.equal((await auth.fetch('/me')).status, 200)
    clock.advance(EXPIRED_MS)
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => auth.fetch('/me')))
    for (const answer of answers) t.match(answer, { status: 'rejected', reason: UNAVAILABLE })
    t.equal(proxy.count('/auth/refresh'), 3)
    startStore()
    clock.advance(60_000)
    t.equal((await auth.fetch('/me')).status, 200)
    t.same(ends, [])
  })

  t.test(`${name}: a store that is back for the second try: the calls wait for it`, async (t) => {
    const { auth, clock, proxy, ends, stop, start: startStore } = await start(t)
    clock.advance(EXPIRED_MS)
    stop()
    const waiting = auth.fetch('/me')
    await eventually(() => proxy.count('/auth/refresh') === 1)
    startStore()
    t.equal((await waiting).status, 200)
    t.same(ends, [])
  })

  t.test(`${name}: logout against refresh, whichever is first: the session is over`, async (t) => {
    const { auth, open, clock, ends } = await start(t)
    for (let turns = 0; turns < 6; turns++) {
      await auth.login({ sub: 'ada' })
      ends.length = 0
      clock.advance(EXPIRED_MS)
      const waiting = auth.fetch('/me').catch(() => {})
      for (let i = 0; i < turns * 3; i++) await new Promise((resolve) => setImmediate(resolve))
      await Promise.all([waiting, auth.logout()])
      t.equal(await auth.getAccessToken(), null)
      t.equal((await auth.fetch('/me')).status, 401)
      t.equal(await open().auth.getAccessToken(), null, 'nor does a reload bring it back')
      t.same(ends, ['logout'])
    }
  })

  t.test(`${name}: a refresh whose answer comes after the logout brings nothing back`, async (t) => {
    const { auth, open, clock, proxy, ends } = await start(t)
    clock.advance(EXPIRED_MS)
    const late = deferred<void>()
    proxy.fault('/auth/refresh', late.promise)
    const waiting = auth.fetch('/me')
    await eventually(() => proxy.count('/auth/refresh') === 1)
    await auth.logout()
    late.resolve()
    t.equal((await waiting).status, 401)
    t.equal(await open().auth.getAccessToken(), null)
    t.same(ends, ['logout'])
  })

  t.test(`${name}: a refresh whose answer comes after a login does not undo it`, async (t) => {
    const { auth, open, clock, proxy, ends, refreshes } = await start(t)
    clock.advance(EXPIRED_MS)
    const late = deferred<void>()
    proxy.fault('/auth/refresh', late.promise)
    const waiting = auth.fetch('/me')
    await eventually(() => refreshes.length === 1)
    t.equal((await auth.login({ sub: 'bob' })).status, 200)
    late.resolve()
    t.match(await (await waiting).json(), { sub: 'bob' })
    clock.advance(EXPIRED_MS)
    t.match(await (await auth.fetch('/me')).json(), { sub: 'bob' })
    t.match(await (await open().auth.fetch('/me')).json(), { sub: 'bob' })
    t.same(ends, [])
  })

  t.test(`${name}: a session that ended elsewhere tells its reason`, async (t) => {
    const { auth, open, ends } = await start(t)
    const other = open()
    await other.auth.getAccessToken()
    await other.auth.logout()
    t.equal((await auth.fetch('/me')).status, 401)
    t.equal(ends.length, 1)
    t.match(ends[0], transport === 'cookie' ? /^FRT_ERR_NO_REFRESH_TOKEN$/ : /^FRT_ERR_/)
  })

  for (const hours of [-1, 1]) {
    t.test(
      `${name}: a client whose clock is ${hours} h off refreshes when it is due, and not before`,
      async (t) => {
        const site = await openSite(t, { transport })
        const { auth, ends } = openIn(site)()
        site.skewMs = hours * 3_600_000
        await auth.login({ sub: 'ada' })
        for (let i = 1; i <= 3; i++) {
          site.clock.advance(150_000)
          t.equal((await auth.fetch('/me')).status, 200)
          t.equal(site.proxy.count('/auth/refresh'), i - 1)
          site.clock.advance(151_000)
          t.equal((await auth.fetch('/me')).status, 200)
          t.equal(site.proxy.count('/auth/refresh'), i)
        }
        t.equal(site.proxy.count('/me'), 6, 'none was refused')
        t.same(ends, [])
      }
    )
  }
}

t.test('a script of another origin reads no header but the code in the body, and is refreshed', async (t) => {
  const origin = 'https://app.example.com'
  const site = await openSite(t, { csrf: { trustedOrigins: [origin] }, cookie: { sameSite: 'none' } })
  const jar = new CookieJar()
  const send = withCookies(jar, { origin, 'sec-fetch-site': 'cross-site' })
  const readable: Fetch = async (input, init) => {
    const response = await send(input, init)
    const headers = { 'content-type': response.headers.get('content-type') ?? '' }
    return new Response(response.body, { status: response.status, headers })
  }
  const { auth, ends } = openClient(site, readable)
  await auth.login({ sub: 'ada' })
  site.passForServer(EXPIRED_MS)
  t.match(await (await auth.fetch('/me')).json(), { sub: 'ada', gen: 2 })
  t.equal(site.proxy.count('/auth/refresh'), 1)
  await auth.logout()
  t.equal((await auth.fetch('/me')).status, 401)
  t.same(ends, ['logout'])
})

t.test('a page of an origin that is not trusted gets no session, and ends none', async (t) => {
  const site = await openSite(t)
  const jar = new CookieJar()
  const own = openClient(site, withCookies(jar))
  await own.auth.login({ sub: 'ada' })
  const foreign = openClient(
    site,
    withCookies(jar, { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' })
  )
  await t.rejects(foreign.auth.getAccessToken(), UNAVAILABLE)
  await t.rejects(foreign.auth.logout(), UNAVAILABLE)
  t.equal((await foreign.auth.login({ sub: 'eve' })).status, 403)
  t.match(await (await own.auth.fetch('/me')).json(), { sub: 'ada', gen: 1 })
})

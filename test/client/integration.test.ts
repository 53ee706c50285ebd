import t, { type Test } from 'tap'
import { createClient } from '../../lib/client/client.js'
import type { AuthFetchOptions } from '../../lib/client/options.js'
import { detectRuntime } from '../../lib/client/runtime.js'
import { bodyTransport } from '../../lib/client/transport/body-transport.js'
import type { AuthFetch } from '../../lib/client/types.js'
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
  /** How far the clock of the clients is ahead of the server. */
  skewMs: number
  /** Advances the clock of the server only. */
  advanceServer(ms: number): void
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
    advanceServer(ms) {
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

/** Sends and stores cookies as a browser does, depending on `credentials`. */
function withCookies(jar: CookieJar, headers: Record<string, string> = {}): Fetch {
  return async (input, init) => {
    const includes = init?.credentials === 'include'
    const sent = new Headers(init?.headers)
    for (const [name, value] of Object.entries({ ...headers, ...(includes && jar.header) }))
      sent.set(name, value)
    const response = await fetch(input, { ...init, headers: sent })
    if (includes) jar.store(response.headers.getSetCookie())
    return response
  }
}

interface OpenedClient {
  auth: AuthFetch
  ends: string[]
}

/** Shortens the pauses between attempts. Leaves the response timeout unchanged. */
function after(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, ms < 5000 ? ms / 20 : ms)
  return () => clearTimeout(timer)
}

/** Opens a client that uses the clock of the test, with the skew of the site. */
function openClient(site: Site, fetch: Fetch, options: Partial<AuthFetchOptions> = {}): OpenedClient {
  const ends: string[] = []
  const [auth] = createClient(
    { ...detectRuntime(), fetch, now: () => site.clock.nowMs + site.skewMs, after, random: () => 0 },
    { baseUrl: site.proxy.origin, onSessionEnd: (reason) => ends.push(reason), ...options }
  )
  return { auth, ends }
}

interface Mode {
  name: string
  transport: 'cookie' | 'body'
  /** Returns a function that opens clients. They share cookies or storage, as the tabs of a browser do. */
  open(site: Site): () => OpenedClient
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
      return () =>
        openClient(site, (input, init) => fetch(input, init), { transport: bodyTransport(storage) })
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

  t.test(`${name}: login, call, reload and logout work`, async (t) => {
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

  t.test(`${name}: twenty parallel calls with an expired token cause one refresh`, async (t) => {
    const { auth, clock, refreshes, proxy, ends } = await start(t)
    clock.advance(EXPIRED_MS)
    const body = JSON.stringify({ some: 'json' })
    const headers = { 'content-type': 'application/json' }
    const responses = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        i % 2 ? auth.fetch('/me') : auth.fetch('/echo', { method: 'POST', body, headers })
      )
    )
    for (const response of responses) t.equal(response.status, 200)
    t.equal(proxy.count('/auth/refresh'), 1)
    t.match(refreshes, [{ outcome: 'rotated' }])
    t.same(ends, [])
  })

  t.test(
    `${name}: twenty parallel calls that are rejected cause one refresh and twenty retries`,
    async (t) => {
      const { auth, proxy, site } = await start(t)
      site.advanceServer(EXPIRED_MS)
      const responses = await Promise.all(Array.from({ length: 20 }, () => auth.fetch('/me')))
      for (const response of responses) t.equal(response.status, 200)
      t.equal(proxy.count('/auth/refresh'), 1)
      t.equal(proxy.count('/me'), 40)
    }
  )

  t.test(`${name}: a lost response is retried as a replay, and the session continues`, async (t) => {
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

  t.test(`${name}: the session continues half an hour after three lost responses`, async (t) => {
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

  t.test(`${name}: an unavailable store keeps the session, and a valid access token works`, async (t) => {
    const { auth, clock, proxy, ends, stop, start: startStore } = await start(t)
    stop()
    t.equal((await auth.fetch('/me')).status, 200)
    clock.advance(EXPIRED_MS)
    const responses = await Promise.allSettled(Array.from({ length: 20 }, () => auth.fetch('/me')))
    for (const response of responses) t.match(response, { status: 'rejected', reason: UNAVAILABLE })
    t.equal(proxy.count('/auth/refresh'), 3)
    startStore()
    clock.advance(60_000)
    t.equal((await auth.fetch('/me')).status, 200)
    t.same(ends, [])
  })

  t.test(`${name}: calls succeed if the store is available at the second attempt`, async (t) => {
    const { auth, clock, proxy, ends, stop, start: startStore } = await start(t)
    clock.advance(EXPIRED_MS)
    stop()
    const waiting = auth.fetch('/me')
    await eventually(() => proxy.count('/auth/refresh') === 1)
    startStore()
    t.equal((await waiting).status, 200)
    t.same(ends, [])
  })

  t.test(`${name}: a logout during a refresh ends the session in any order`, async (t) => {
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
      t.equal(await open().auth.getAccessToken(), null, 'a reload does not restore it')
      t.same(ends, ['logout'])
    }
  })

  t.test(`${name}: a refresh response after a logout does not restore the session`, async (t) => {
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

  t.test(`${name}: a refresh response after a login does not replace the session`, async (t) => {
    const { auth, open, clock, proxy, ends, refreshes } = await start(t)
    clock.advance(EXPIRED_MS)
    const late = deferred<void>()
    proxy.fault('/auth/refresh', late.promise)
    const waiting = auth.fetch('/me')
    await eventually(() => refreshes.length === 1)
    t.equal((await auth.login({ sub: 'bob' })).status, 200)
    late.resolve()
    t.equal((await waiting).status, 401, 'the call of ada is not sent with the token of bob')
    clock.advance(EXPIRED_MS)
    t.match(await (await auth.fetch('/me')).json(), { sub: 'bob' })
    t.match(await (await open().auth.fetch('/me')).json(), { sub: 'bob' })
    t.same(ends, ['user-changed'])
  })

  t.test(`${name}: a session that was revoked elsewhere reports the reason`, async (t) => {
    const { auth, open, ends } = await start(t)
    const other = open()
    await other.auth.getAccessToken()
    await other.auth.logout()
    t.equal((await auth.fetch('/me')).status, 401)
    t.equal(ends.length, 1)
    t.match(ends[0], transport === 'cookie' ? /^FRT_ERR_NO_REFRESH_TOKEN$/ : /^FRT_ERR_/)
  })

  for (const hours of [-1, 1]) {
    t.test(`${name}: a client whose clock is ${hours} h off refreshes at the right time`, async (t) => {
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
      t.equal(site.proxy.count('/me'), 6, 'no request was rejected')
      t.same(ends, [])
    })
  }
}

t.test('a cross-origin script is refreshed by the error code in the body', async (t) => {
  const origin = 'https://app.example.com'
  const site = await openSite(t, { csrf: { trustedOrigins: [origin] }, cookie: { sameSite: 'none' } })
  const jar = new CookieJar()
  const send = withCookies(jar, { origin, 'sec-fetch-site': 'cross-site' })
  const fetchWithHiddenHeaders: Fetch = async (input, init) => {
    const response = await send(input, init)
    const headers = { 'content-type': response.headers.get('content-type') ?? '' }
    return new Response(response.body, { status: response.status, headers })
  }
  const { auth, ends } = openClient(site, fetchWithHiddenHeaders)
  await auth.login({ sub: 'ada' })
  site.advanceServer(EXPIRED_MS)
  t.match(await (await auth.fetch('/me')).json(), { sub: 'ada', gen: 2 })
  t.equal(site.proxy.count('/auth/refresh'), 1)
  await auth.logout()
  t.equal((await auth.fetch('/me')).status, 401)
  t.same(ends, ['logout'])
})

t.test('a page of an untrusted origin can neither use nor end a session', async (t) => {
  const site = await openSite(t)
  const jar = new CookieJar()
  const trusted = openClient(site, withCookies(jar))
  await trusted.auth.login({ sub: 'ada' })
  const untrusted = openClient(
    site,
    withCookies(jar, { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' })
  )
  await t.rejects(untrusted.auth.getAccessToken(), UNAVAILABLE)
  await t.rejects(untrusted.auth.logout(), UNAVAILABLE)
  t.equal((await untrusted.auth.login({ sub: 'eve' })).status, 403)
  t.match(await (await trusted.auth.fetch('/me')).json(), { sub: 'ada', gen: 1 })
})

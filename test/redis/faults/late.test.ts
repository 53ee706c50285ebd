import t, { type Test } from 'tap'
import type { FastifyRefreshTokenOptions } from '../../../lib/index.js'
import { buildApp, overriding } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { connect, eventuallyStatus, MODES, postWithAccess, sidOf, startApp } from '../../support/outage.js'
import { startProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'
import { openRedisStore } from '../../support/stores.js'
import { deferred } from '../../support/timers.js'

const MINUTE_MS = 60_000

/** Two processes over one Redis; what the first asks for waits until it is let go. By a clock of the test. */
async function openLate(t: Test, options: Partial<FastifyRefreshTokenOptions> = {}) {
  const under = openRedisStore((await startRedis(t)).client())
  const gate = deferred<void>()
  const late: Promise<unknown>[] = []
  const { store } = under
  const wait = <A extends unknown[], T>(call: (...args: A) => Promise<T>) => {
    return (...args: A) => {
      const answer = gate.promise.then(() => call.apply(store, args))
      late.push(answer.catch(() => {}))
      return answer
    }
  }
  const waiting = overriding(under, {
    create: wait(store.create),
    rotate: wait(store.rotate),
    confirm: wait(store.confirm),
    now: wait(store.now),
    revoke: wait(store.revoke),
    revokeAll: wait(store.revokeAll)
  })
  const settings = { storeTimeout: '50ms', revocation: MODES.store, ...options }
  const { app: cutOff } = await buildApp(t, { under: waiting, options: settings })
  const { app } = await buildApp(t, { under, options: { ...settings, storeTimeout: '10s' } })
  return {
    ...under,
    app,
    cutOff,
    async letGo() {
      gate.resolve()
      await Promise.all(late)
    }
  }
}

/** A client goes on for so many minutes, and refreshes in each. */
async function goOn(client: Client, minutes: number, advance: (ms: number) => Promise<void>) {
  for (let i = 0; i < minutes; i++) {
    await advance(2 * MINUTE_MS)
    const answers = [await client.refresh(), await client.call()]
    for (const { statusCode } of answers) if (statusCode !== 200) throw new Error(`it was ${statusCode}`)
  }
}

t.test('a refresh that reaches Redis late logs nobody out, however far the client has gone on', async (t) => {
  for (const refreshes of [0, 1, 2, 3, 5]) {
    for (const restingMs of [0, 30_000, 2 * MINUTE_MS]) {
      await t.test(`${refreshes} refreshes later, ${restingMs} ms after the last`, async (t) => {
        const { app, cutOff, advance, letGo } = await openLate(t)
        const client = new Client(app)
        await client.login()
        await goOn(client, 1, advance)
        await advance(2 * MINUTE_MS)
        t.equal((await new Client(cutOff, {}, client.jar.copy()).refresh()).statusCode, 503)
        await goOn(client, refreshes, advance)
        await advance(restingMs)
        await letGo()
        await goOn(client, 3, advance)
        await advance(MINUTE_MS)
        await letGo()
        await goOn(client, 3, advance)
      })
    }
  }
})

t.test('a confirmation that reaches Redis late changes nothing', async (t) => {
  const { app, cutOff, advance, letGo } = await openLate(t)
  const client = new Client(app)
  await client.login()
  await client.refresh()
  t.equal((await new Client(cutOff, {}, client.jar.copy()).call()).statusCode, 200)
  await goOn(client, 2, advance)
  await letGo()
  await goOn(client, 2, advance)
})

t.test('a logout that reaches Redis late ends what it meant, and no newer login', async (t) => {
  const { app, cutOff, advance, letGo } = await openLate(t)
  const client = new Client(app)
  await client.login()
  const before = client.copy()
  t.equal((await new Client(cutOff, {}, client.jar.copy()).logout()).statusCode, 503)
  await advance(MINUTE_MS)
  const newer = new Client(app)
  await newer.login()
  await letGo()
  await eventually(async () => (await before.call()).statusCode === 401)
  t.equal((await before.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
  await goOn(newer, 3, advance)
})

t.test('a logout everywhere that reaches Redis late spares who has logged in since', async (t) => {
  const { app, cutOff, advance, letGo } = await openLate(t, { revocation: MODES.none })
  const [client, other] = [new Client(app), new Client(app)]
  for (const each of [client, other]) await each.login()
  await advance(MINUTE_MS)
  const headers = client.accessHeaders()
  const answer = await cutOff.inject({ method: 'POST', url: '/auth/logout-all', headers })
  t.equal(answer.statusCode, 503)
  await advance(MINUTE_MS)
  const newer = new Client(app)
  await newer.login()
  await letGo()
  for (const each of [client, other]) {
    await eventually(async () => (await each.copy().refresh()).statusCode === 401)
  }
  await goOn(newer, 3, advance)
})

t.test('a login that reaches Redis late leaves no session', async (t) => {
  const { app, cutOff, advance, letGo } = await openLate(t)
  t.equal((await new Client(cutOff).login()).statusCode, 503)
  await advance(5 * MINUTE_MS)
  const client = new Client(app)
  await client.login()
  await letGo()
  await eventually(async () => (await app.sessions.list('ada')).length === 1)
  await goOn(client, 3, advance)
})

t.test('a login that reaches Redis late evicts nobody', async (t) => {
  const { app, cutOff, advance, letGo } = await openLate(t, { session: { maxPerUser: 1 } })
  t.equal((await new Client(cutOff).login()).statusCode, 503)
  const client = new Client(app)
  await client.login()
  await advance(5 * MINUTE_MS)
  await letGo()
  await goOn(client, 3, advance)
})

/** Two processes over one Redis; the client library of the first queues while its connection is refused. */
async function openQueue(t: Test, options: Partial<FastifyRefreshTokenOptions> = {}) {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  const redis = connect(t, proxy.port, { maxRetriesPerRequest: null, retryStrategy: () => 20 })
  // Without a grace each refresh rotates: no time has to pass for a token to be an old one.
  const shared = { keyPrefix: 'test:', revocation: MODES.none, refreshToken: { grace: 0 }, ...options }
  const { app: cutOff } = await startApp(t, redis, shared)
  const { app } = await startApp(t, server.client(), shared)
  return { app, cutOff, proxy, redis }
}

t.test('what waited in the offline queue of ioredis', async (t) => {
  const { app, cutOff, proxy, redis } = await openQueue(t, { session: { maxPerUser: 1 } })
  const login = async (sub: string) => {
    const client = new Client(app)
    await client.login({ sub })
    return client
  }
  const [ada, bob, eve] = [await login('ada'), await login('bob'), await login('eve')]
  const at = (client: Client) => new Client(cutOff, {}, client.jar.copy())
  proxy.refuse()
  proxy.cut()
  const answers = await Promise.all([
    at(ada).refresh(),
    at(bob).logout(),
    postWithAccess(at(eve), '/auth/logout-all'),
    new Client(cutOff).login({ sub: 'ada' })
  ])
  for (const { statusCode } of answers) t.equal(statusCode, 503)
  for (let i = 0; i < 4; i++) {
    t.equal((await ada.refresh()).statusCode, 200)
    t.equal((await ada.call()).statusCode, 200)
  }
  const [newBob, newEve] = [await login('bob'), await login('eve')]
  proxy.accept()
  await eventually(async () => (await redis.ping()) === 'PONG')
  for (const ended of [bob, eve]) {
    await eventually(async () => (await ended.copy().refresh()).statusCode === 401)
  }
  for (const [sub, honest] of Object.entries({ ada, bob: newBob, eve: newEve })) {
    await eventually(async () => (await app.sessions.list(sub)).length === 1)
    t.equal((await honest.refresh()).statusCode, 200)
    t.equal((await honest.call()).statusCode, 200)
    t.equal((await app.sessions.list(sub))[0]?.sid, sidOf(honest))
  }
})

t.test('a refresh at another process, while a logout waits for its store, brings nothing back', async (t) => {
  const { app, cutOff, proxy } = await openQueue(t, { revocation: MODES.store })
  const client = new Client(app)
  await client.login()
  const thief = client.copy()
  proxy.refuse()
  proxy.cut()
  t.equal((await new Client(cutOff, {}, client.jar.copy()).logout()).statusCode, 503)
  t.equal((await thief.refresh()).statusCode, 200, 'the other process cannot know')
  proxy.accept()
  t.equal(await eventuallyStatus(() => new Client(cutOff, {}, client.jar.copy()).logout()), 200)
  t.equal((await thief.call()).statusCode, 401)
  t.equal((await thief.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
})

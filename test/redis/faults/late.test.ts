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

/** Two processes with one Redis. The calls of the first wait until `release`. Uses the clock of the test. */
async function openLate(t: Test, options: Partial<FastifyRefreshTokenOptions> = {}) {
  const under = openRedisStore((await startRedis(t)).client())
  const released = deferred<void>()
  const late: Promise<unknown>[] = []
  const { store } = under
  const wait = <A extends unknown[], T>(call: (...args: A) => Promise<T>) => {
    return (...args: A) => {
      const result = released.promise.then(() => call.apply(store, args))
      late.push(result.catch(() => {}))
      return result
    }
  }
  const withDelay = overriding(under, {
    create: wait(store.create),
    rotate: wait(store.rotate),
    confirm: wait(store.confirm),
    now: wait(store.now),
    revoke: wait(store.revoke),
    revokeAll: wait(store.revokeAll)
  })
  const settings = { storeTimeout: '50ms', revocation: MODES.store, ...options }
  const { app: delayed } = await buildApp(t, { under: withDelay, options: settings })
  const { app } = await buildApp(t, { under, options: { ...settings, storeTimeout: '10s' } })
  return {
    ...under,
    app,
    delayed,
    async release() {
      released.resolve()
      await Promise.all(late)
    }
  }
}

/** Refreshes and calls several times, with pauses. Throws if a request fails. */
async function use(client: Client, rounds: number, advance: (ms: number) => Promise<void>) {
  for (let i = 0; i < rounds; i++) {
    await advance(2 * MINUTE_MS)
    const responses = [await client.refresh(), await client.call()]
    for (const { statusCode } of responses)
      if (statusCode !== 200) throw new Error(`the status was ${statusCode}`)
  }
}

t.test('a refresh that reaches Redis late does not log the user out', async (t) => {
  for (const refreshes of [0, 1, 2, 3, 5]) {
    for (const pauseMs of [0, 30_000, 2 * MINUTE_MS]) {
      await t.test(`${refreshes} refreshes later, ${pauseMs} ms after the last one`, async (t) => {
        const { app, delayed, advance, release } = await openLate(t)
        const client = new Client(app)
        await client.login()
        await use(client, 1, advance)
        await advance(2 * MINUTE_MS)
        t.equal((await new Client(delayed, {}, client.jar.copy()).refresh()).statusCode, 503)
        await use(client, refreshes, advance)
        await advance(pauseMs)
        await release()
        await use(client, 3, advance)
        await advance(MINUTE_MS)
        await release()
        await use(client, 3, advance)
      })
    }
  }
})

t.test('a confirmation that reaches Redis late changes nothing', async (t) => {
  const { app, delayed, advance, release } = await openLate(t)
  const client = new Client(app)
  await client.login()
  await client.refresh()
  t.equal((await new Client(delayed, {}, client.jar.copy()).call()).statusCode, 200)
  await use(client, 2, advance)
  await release()
  await use(client, 2, advance)
})

t.test('a logout that reaches Redis late revokes its own session and no later login', async (t) => {
  const { app, delayed, advance, release } = await openLate(t)
  const client = new Client(app)
  await client.login()
  const oldClient = client.copy()
  t.equal((await new Client(delayed, {}, client.jar.copy()).logout()).statusCode, 503)
  await advance(MINUTE_MS)
  const newer = new Client(app)
  await newer.login()
  await release()
  await eventually(async () => (await oldClient.call()).statusCode === 401)
  t.equal((await oldClient.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
  await use(newer, 3, advance)
})

t.test('a logout-all that reaches Redis late keeps later logins', async (t) => {
  const { app, delayed, advance, release } = await openLate(t, { revocation: MODES.none })
  const [client, other] = [new Client(app), new Client(app)]
  for (const user of [client, other]) await user.login()
  await advance(MINUTE_MS)
  const headers = client.accessHeaders()
  const response = await delayed.inject({ method: 'POST', url: '/auth/logout-all', headers })
  t.equal(response.statusCode, 503)
  await advance(MINUTE_MS)
  const newer = new Client(app)
  await newer.login()
  await release()
  for (const user of [client, other]) {
    await eventually(async () => (await user.copy().refresh()).statusCode === 401)
  }
  await use(newer, 3, advance)
})

t.test('a login that reaches Redis late leaves no session', async (t) => {
  const { app, delayed, advance, release } = await openLate(t)
  t.equal((await new Client(delayed).login()).statusCode, 503)
  await advance(5 * MINUTE_MS)
  const client = new Client(app)
  await client.login()
  await release()
  await eventually(async () => (await app.sessions.list('ada')).length === 1)
  await use(client, 3, advance)
})

t.test('a login that reaches Redis late evicts no session', async (t) => {
  const { app, delayed, advance, release } = await openLate(t, { session: { maxPerUser: 1 } })
  t.equal((await new Client(delayed).login()).statusCode, 503)
  const client = new Client(app)
  await client.login()
  await advance(5 * MINUTE_MS)
  await release()
  await use(client, 3, advance)
})

/** Two processes with one Redis. The Redis client of the first one queues commands while connections are refused. */
async function openQueue(t: Test, options: Partial<FastifyRefreshTokenOptions> = {}) {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  const redis = connect(t, proxy.port, { maxRetriesPerRequest: null, retryStrategy: () => 20 })
  // Without a grace period each refresh rotates, so that a token is retired immediately.
  const shared = { keyPrefix: 'test:', revocation: MODES.none, refreshToken: { grace: 0 }, ...options }
  const { app: delayed } = await startApp(t, redis, shared)
  const { app } = await startApp(t, server.client(), shared)
  return { app, delayed, proxy, redis }
}

t.test('commands from the offline queue of ioredis do not affect later logins', async (t) => {
  const { app, delayed, proxy, redis } = await openQueue(t, { session: { maxPerUser: 1 } })
  const login = async (sub: string) => {
    const client = new Client(app)
    await client.login({ sub })
    return client
  }
  const [ada, bob, eve] = [await login('ada'), await login('bob'), await login('eve')]
  const at = (client: Client) => new Client(delayed, {}, client.jar.copy())
  proxy.refuse()
  proxy.cut()
  const responses = await Promise.all([
    at(ada).refresh(),
    at(bob).logout(),
    postWithAccess(at(eve), '/auth/logout-all'),
    new Client(delayed).login({ sub: 'ada' })
  ])
  for (const { statusCode } of responses) t.equal(statusCode, 503)
  for (let i = 0; i < 4; i++) {
    t.equal((await ada.refresh()).statusCode, 200)
    t.equal((await ada.call()).statusCode, 200)
  }
  const [newBob, newEve] = [await login('bob'), await login('eve')]
  proxy.accept()
  await eventually(async () => (await redis.ping()) === 'PONG')
  for (const revoked of [bob, eve]) {
    await eventually(async () => (await revoked.copy().refresh()).statusCode === 401)
  }
  for (const [sub, current] of Object.entries({ ada, bob: newBob, eve: newEve })) {
    await eventually(async () => (await app.sessions.list(sub)).length === 1)
    t.equal((await current.refresh()).statusCode, 200)
    t.equal((await current.call()).statusCode, 200)
    t.equal((await app.sessions.list(sub))[0]?.sid, sidOf(current))
  }
})

t.test('a refresh in another process does not restore a session whose logout is pending', async (t) => {
  const { app, delayed, proxy } = await openQueue(t, { revocation: MODES.store })
  const client = new Client(app)
  await client.login()
  const copy = client.copy()
  proxy.refuse()
  proxy.cut()
  t.equal((await new Client(delayed, {}, client.jar.copy()).logout()).statusCode, 503)
  t.equal((await copy.refresh()).statusCode, 200, 'the other process has not received the revocation')
  proxy.accept()
  t.equal(await eventuallyStatus(() => new Client(delayed, {}, client.jar.copy()).logout()), 200)
  t.equal((await copy.call()).statusCode, 401)
  t.equal((await copy.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
})

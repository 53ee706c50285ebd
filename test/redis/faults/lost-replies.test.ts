import { generateKeyPairSync, randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { type LogoutEvent, RedisStore } from '../../../lib/index.js'
import { confirmScript } from '../../../lib/store/redis/scripts/confirm.js'
import { createScript } from '../../../lib/store/redis/scripts/create.js'
import { addRevocationScript } from '../../../lib/store/redis/scripts/feed.js'
import { revokeScript } from '../../../lib/store/redis/scripts/revoke.js'
import { revokeAllScript } from '../../../lib/store/redis/scripts/revoke-all.js'
import { rotateBoundScript, rotateScript } from '../../../lib/store/redis/scripts/rotate.js'
import { Client, type ClientOptions } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { connect, eventuallyStatus, postWithAccess, sidOf, startApp } from '../../support/outage.js'
import { startProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

/** What the Redis client does with a command whose reply was lost. */
const LIBRARIES = {
  'sends it again': {},
  'rejects it': { maxRetriesPerRequest: 0 },
  'never settles it': { autoResendUnfulfilledCommands: false }
} as const

const server = await startRedis(t)
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })

const KINDS_OF_SESSION = [
  { kind: 'an unbound session', script: rotateScript, clientOptions: {} },
  { kind: 'a bound session', script: rotateBoundScript, clientOptions: { key } }
]

/** Starts an application with a connection that the test breaks. The scripts are loaded in Redis already. */
async function open(
  t: Test,
  options: (typeof LIBRARIES)[keyof typeof LIBRARIES],
  session = {},
  isSilent = 'autoResendUnfulfilledCommands' in options
) {
  const proxy = await startProxy(t, server.port)
  const logouts: LogoutEvent[] = []
  const keyPrefix = `test:${randomUUID()}:`
  const redis: Redis = connect(t, proxy.port, { retryStrategy: () => 20, ...options })
  const { app } = await startApp(t, redis, {
    keyPrefix,
    session,
    // Commands that never settle need a short timeout. Otherwise the timeout is long, because a machine may be slow.
    storeTimeout: isSilent ? '400ms' : '10s',
    onLogout: (event) => void logouts.push(event)
  })
  const login = async (sub = 'ada', options: ClientOptions = {}) => {
    const client = new Client(app, options)
    await eventuallyStatus(() => client.login({ sub }))
    return client
  }
  const first = await login('warm')
  await first.refresh()
  await first.call()
  await (await login('warm', { key })).refresh()
  await first.copy().logout()
  await postWithAccess(await login('warm'), '/auth/logout-all')
  logouts.length = 0
  const store = new RedisStore({ redis: server.client(), keyPrefix })
  return { app, login, proxy, logouts, store }
}

for (const [name, options] of Object.entries(LIBRARIES)) {
  const resends = name === 'sends it again'

  t.test(`a reply is lost, and the Redis client ${name}`, async (t) => {
    await t.test('a login creates one session or none', async (t) => {
      const { app, proxy, store, logouts } = await open(t, options)
      const lost = proxy.loseReplyTo(createScript.sha1)
      const client = new Client(app)
      const { statusCode } = await client.login()
      await lost
      t.equal(statusCode, resends ? 200 : 503)
      if (resends) {
        t.equal((await store.list('ada')).length, 1)
        t.equal(await eventuallyStatus(() => client.refresh()), 200)
        t.same(logouts, [])
        return
      }
      // If the Redis client never settles the command, the plugin does not learn that a session exists.
      if (name !== 'never settles it') await eventually(async () => (await store.list('ada')).length === 0)
      t.equal(await eventuallyStatus(() => client.login()), 200, 'the user can log in again')
    })

    await t.test('a login that evicts a session reports the eviction', async (t) => {
      const { app, login, proxy, store, logouts } = await open(t, options, { maxPerUser: 1 })
      const evicted = await login()
      const lost = proxy.loseReplyTo(createScript.sha1)
      const client = new Client(app)
      const { statusCode } = await client.login()
      await lost
      t.equal(statusCode, resends ? 200 : 503)
      t.equal(await store.has(sidOf(evicted)), false)
      t.equal(await eventuallyStatus(() => client.login()), 200)
      if (resends) {
        t.match(logouts, [{ reason: 'evicted' }, {}])
        t.equal((await evicted.call()).statusCode, 401)
      }
    })

    // A retry of a bound session has another proof.
    for (const { kind, script, clientOptions } of KINDS_OF_SESSION) {
      await t.test(`a refresh of ${kind} can be repeated with the same token`, async (t) => {
        const { login, proxy, store } = await open(t, options)
        const client = await login('ada', clientOptions)
        const lost = proxy.loseReplyTo(script.sha1)
        const { statusCode } = await client.copy().refresh()
        await lost
        t.equal(statusCode, resends ? 200 : 503)
        t.match(await store.list('ada'), [{ gen: 2 }], 'the token was rotated once')
        t.equal(await eventuallyStatus(() => client.refresh()), 200)
        t.match((await client.call()).json(), { gen: 2 })
        t.equal(await eventuallyStatus(() => client.refresh()), 200)
      })
    }

    await t.test('a lost confirmation has no effect', async (t) => {
      const { login, proxy } = await open(t, options)
      const client = await login()
      await client.refresh()
      const lost = proxy.loseReplyTo(confirmScript.sha1)
      t.equal((await client.call()).statusCode, 200)
      await lost
      t.equal(await eventuallyStatus(() => client.refresh()), 200)
      t.equal((await client.call()).statusCode, 200)
    })

    for (const [kind, operation] of Object.entries({
      logout: {
        script: revokeScript,
        send: (client: Client) => client.copy().logout()
      },
      'logout-all': {
        script: revokeAllScript,
        send: (client: Client) => postWithAccess(client, '/auth/logout-all')
      },
      'logout whose publication is lost': {
        script: addRevocationScript,
        send: (client: Client) => client.copy().logout()
      }
    })) {
      await t.test(`a ${kind} is executed and reported once`, async (t) => {
        const { login, proxy, store, logouts } = await open(t, options)
        const [client, other] = [await login(), await login('eve')]
        const lost = proxy.loseReplyTo(operation.script.sha1)
        const { statusCode } = await operation.send(client)
        await lost
        t.equal(statusCode, resends ? 200 : 503)
        t.equal(await store.has(sidOf(client)), false)
        await eventually(() => logouts.length > 0)
        t.match(logouts, [{ reason: 'logout', sub: 'ada' }])
        t.equal((await client.call()).statusCode, 401)
        // The client retries.
        t.equal(await eventuallyStatus(() => client.copy().logout()), 200)
        t.equal((await client.refresh()).statusCode, 401)
        t.equal(logouts.length, 1)
        t.equal((await other.call()).statusCode, 200)
        t.equal(await eventuallyStatus(() => other.refresh()), 200)
      })
    }
  })
}

t.test('a logout-all that is retried over a slow network revokes all sessions', async (t) => {
  const { login, proxy, store } = await open(t, { maxRetriesPerRequest: 0 }, {}, true)
  const client = await login()
  proxy.freeze()
  proxy.delay(300)
  t.equal((await postWithAccess(client, '/auth/logout-all')).statusCode, 503)
  proxy.cut()
  proxy.thaw()
  await eventually(async () => !(await store.has(sidOf(client))))
})

// The server ends with this test file.
t.end()

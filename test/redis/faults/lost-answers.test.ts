import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { type LogoutEvent, RedisStore } from '../../../lib/index.js'
import { confirmScript } from '../../../lib/store/redis/scripts/confirm.js'
import { createScript } from '../../../lib/store/redis/scripts/create.js'
import { addRevocationScript } from '../../../lib/store/redis/scripts/feed.js'
import { revokeScript } from '../../../lib/store/redis/scripts/revoke.js'
import { revokeAllScript } from '../../../lib/store/redis/scripts/revoke-all.js'
import { rotateScript } from '../../../lib/store/redis/scripts/rotate.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { connect, eventuallyStatus, postWithAccess, sidOf, startApp } from '../../support/outage.js'
import { startProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

/** What the client library does with a command whose answer was lost: it sends it again, or it fails. */
const LIBRARIES = {
  'sends it again': {},
  'gives it up': { maxRetriesPerRequest: 0 },
  'forgets it': { autoResendUnfulfilledCommands: false }
} as const

const server = await startRedis(t)

/** An app whose scripts Redis knows, over a connection that breaks where the test says. */
async function open(
  t: Test,
  options: (typeof LIBRARIES)[keyof typeof LIBRARIES],
  session = {},
  isSilent = 'autoResendUnfulfilledCommands' in options
) {
  const proxy = await startProxy(t, server.port)
  const ends: LogoutEvent[] = []
  const keyPrefix = `test:${randomUUID()}:`
  const redis: Redis = connect(t, proxy.port, { retryStrategy: () => 20, ...options })
  const { app } = await startApp(t, redis, {
    keyPrefix,
    session,
    // What is forgotten is waited for; elsewhere the machine may be slow.
    storeTimeout: isSilent ? '400ms' : '10s',
    onLogout: (event) => void ends.push(event)
  })
  const login = async (sub = 'ada') => {
    const client = new Client(app)
    await client.login({ sub })
    return client
  }
  const first = await login('warm')
  await first.refresh()
  await first.call()
  await first.copy().logout()
  await postWithAccess(await login('warm'), '/auth/logout-all')
  ends.length = 0
  const store = new RedisStore({ redis: server.client(), keyPrefix })
  return { app, login, proxy, ends, store }
}

for (const [name, options] of Object.entries(LIBRARIES)) {
  const resends = name === 'sends it again'

  t.test(`the answer is lost, and the client library ${name}`, async (t) => {
    await t.test('a login: there is one session, or none', async (t) => {
      const { app, proxy, store, ends } = await open(t, options)
      const lost = proxy.loseAnswerTo(createScript.sha1)
      const client = new Client(app)
      const { statusCode } = await client.login()
      await lost
      t.equal(statusCode, resends ? 200 : 503)
      if (resends) {
        t.equal((await store.list('ada')).length, 1)
        t.equal(await eventuallyStatus(() => client.refresh()), 200)
        t.same(ends, [])
        return
      }
      // A promise that the client library forgets never tells that there is something to end.
      if (name !== 'forgets it') await eventually(async () => (await store.list('ada')).length === 0)
      t.equal(await eventuallyStatus(() => client.login()), 200, 'the user tries again')
    })

    await t.test('a login that evicts: the evicted session is told of', async (t) => {
      const { app, login, proxy, store, ends } = await open(t, options, { maxPerUser: 1 })
      const evicted = await login()
      const lost = proxy.loseAnswerTo(createScript.sha1)
      const client = new Client(app)
      const { statusCode } = await client.login()
      await lost
      t.equal(statusCode, resends ? 200 : 503)
      t.equal(await store.has(sidOf(evicted)), false)
      t.equal(await eventuallyStatus(() => client.login()), 200)
      if (resends) {
        t.match(ends, [{ reason: 'evicted' }, {}])
        t.equal((await evicted.call()).statusCode, 401)
      }
    })

    await t.test('a refresh: the same token goes on', async (t) => {
      const { login, proxy, store } = await open(t, options)
      const client = await login()
      const lost = proxy.loseAnswerTo(rotateScript.sha1)
      const { statusCode } = await client.copy().refresh()
      await lost
      t.equal(statusCode, resends ? 200 : 503)
      t.match(await store.list('ada'), [{ gen: 2 }], 'it rotated once')
      t.equal(await eventuallyStatus(() => client.refresh()), 200)
      t.match((await client.call()).json(), { gen: 2 })
      t.equal(await eventuallyStatus(() => client.refresh()), 200)
    })

    await t.test('a confirmation: nobody notices', async (t) => {
      const { login, proxy } = await open(t, options)
      const client = await login()
      await client.refresh()
      const lost = proxy.loseAnswerTo(confirmScript.sha1)
      t.equal((await client.call()).statusCode, 200)
      await lost
      t.equal(await eventuallyStatus(() => client.refresh()), 200)
      t.equal((await client.call()).statusCode, 200)
    })

    for (const [what, end] of Object.entries({
      logout: {
        script: revokeScript,
        ask: (client: Client) => client.copy().logout()
      },
      'logout everywhere': {
        script: revokeAllScript,
        ask: (client: Client) => postWithAccess(client, '/auth/logout-all')
      },
      'logout of which the others are not told': {
        script: addRevocationScript,
        ask: (client: Client) => client.copy().logout()
      }
    })) {
      await t.test(`a ${what}: it is done, and told of once`, async (t) => {
        const { login, proxy, store, ends } = await open(t, options)
        const [client, other] = [await login(), await login('eve')]
        const lost = proxy.loseAnswerTo(end.script.sha1)
        const { statusCode } = await end.ask(client)
        await lost
        t.equal(statusCode, resends ? 200 : 503)
        t.equal(await store.has(sidOf(client)), false)
        await eventually(() => ends.length > 0)
        t.match(ends, [{ reason: 'logout', sub: 'ada' }])
        t.equal((await client.call()).statusCode, 401)
        // The client tries again.
        t.equal(await eventuallyStatus(() => client.copy().logout()), 200)
        t.equal((await client.refresh()).statusCode, 401)
        t.equal(ends.length, 1)
        t.equal((await other.call()).statusCode, 200)
        t.equal(await eventuallyStatus(() => other.refresh()), 200)
      })
    }
  })
}

t.test(
  'a logout everywhere that is tried again over a network that has become slow misses nobody',
  async (t) => {
    const { login, proxy, store } = await open(t, { maxRetriesPerRequest: 0 }, {}, true)
    const client = await login()
    proxy.freeze()
    proxy.delay(300)
    t.equal((await postWithAccess(client, '/auth/logout-all')).statusCode, 503)
    proxy.cut()
    proxy.thaw()
    await eventually(async () => !(await store.has(sidOf(client))))
  }
)

// The server of this file ends with it.
t.end()

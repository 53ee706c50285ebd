import t, { type Test } from 'tap'
import { type FastifyRefreshTokenOptions, type LogoutEvent, RedisStore } from '../../../lib/index.js'
import { newSession } from '../../../lib/testing/conformance/test-client.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { startLiveApp } from '../../support/live-app.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { isReplicated, REPLICATION, startCluster } from '../../support/topologies.js'

/** A master and its replica, which the test may stop and let go on. */
async function startPair(t: Test) {
  const master = await startRedis(t, REPLICATION)
  const replica = await startRedis(t, [...REPLICATION, '--replicaof', '127.0.0.1', String(master.port)])
  await eventually(async () => (await replica.client().info('replication')).includes('master_link_status:up'))
  const signal = (name: NodeJS.Signals) => process.kill(replica.pid, name)
  // A process that is stopped does not hear SIGTERM.
  t.after(() => {
    signal('SIGCONT')
  })
  return { master, replica, stop: () => signal('SIGSTOP'), resume: () => signal('SIGCONT') }
}

async function startApp(t: Test, master: RedisServer, options: Partial<FastifyRefreshTokenOptions> = {}) {
  const { app } = await startLiveApp(t, {
    redis: master.client(),
    storeTimeout: '0.5s',
    revocation: { replicas: 1 },
    ...options
  })
  return app
}

async function login(app: ConstructorParameters<typeof Client>[0], sub = 'ada'): Promise<Client> {
  const client = new Client(app)
  await client.login({ sub })
  return client
}

t.test('a logout that is answered has reached the replica, and no failover undoes it', async (t) => {
  const { master, replica } = await startPair(t)
  const app = await startApp(t, master, { storeTimeout: '10s' })
  const clients = await Promise.all(Array.from({ length: 150 }, (_, i) => login(app, `user-${i}`)))
  const survivor = replica.client()
  await eventually(() => isReplicated(master, 1))

  const ended = await Promise.all(
    clients.map(async (client) => {
      const { statusCode } = await client.copy().logout()
      return statusCode
    })
  )
  process.kill(master.pid, 'SIGKILL')
  t.same(new Set(ended), new Set([200]))
  await survivor.replicaof('NO', 'ONE')
  const promoted = await startApp(t, replica, { revocation: {} })
  for (const client of clients) {
    const answer = await new Client(promoted, {}, client.jar).refresh()
    t.equal(answer.json().code, 'FRT_ERR_SESSION_REVOKED')
  }
})

t.test('a replica that does not follow: 503, and the session has ended all the same', async (t) => {
  const { master, stop, resume } = await startPair(t)
  const told: LogoutEvent[] = []
  const app = await startApp(t, master, { onLogout: (event) => told.push(event) })
  const other = await startApp(t, master)
  const clients = [await login(app, 'ada'), await login(app, 'grace')] as const
  const [ada, grace] = clients
  stop()

  for (const answer of [await ada.copy().logout(), await logoutEverywhere(grace)]) {
    t.equal(answer.statusCode, 503)
    t.equal(answer.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
    t.equal(answer.headers['retry-after'], '1')
    t.equal(answer.headers['set-cookie'], undefined)
  }
  for (const client of clients) {
    t.equal((await client.copy().refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
    await eventually(async () => (await new Client(other, {}, client.jar).call()).statusCode === 401)
  }
  t.equal((await login(app, 'nobody waits for a login')).jar.accessToken?.slice(0, 3), 'eyJ')

  resume()
  await eventually(async () => (await ada.copy().logout()).statusCode === 200)
  t.same(
    told.map(({ sub }) => sub),
    ['ada', 'grace']
  )
})

t.test('a revocation that a failover undid is done again', async (t) => {
  const { master, stop, resume } = await startPair(t)
  const app = await startApp(t, master, { keyPrefix: 'undone:' })
  const client = await login(app)
  const redis = master.client()
  const [key = ''] = await redis.keys('undone:*:s')
  const [stored, ttl] = [await redis.dumpBuffer(key), await redis.pttl(key)]
  stop()
  t.equal((await client.copy().logout()).statusCode, 503)

  await redis.del(...(await redis.keys('undone:*')))
  await redis.restore(key, ttl, stored)
  resume()
  await eventually(async () => (await redis.exists(key)) === 0)
  t.equal((await redis.keys('undone:*:b:*')).length, 1)
})

t.test('a store says so where a session is back, and where too few follow', async (t) => {
  const { master, stop } = await startPair(t)
  const redis = master.client()
  const open = (replicas: number) => {
    const store = new RedisStore({ redis, replicas, replicaTimeoutMs: 3000 })
    t.after(() => store.close())
    return store
  }
  const [store, patient] = [open(1), open(2)]
  const session = newSession()
  await store.create(session)
  await t.rejects(store.waitForReplicas([session.sid]), /is back/)
  await store.revoke(session.sid, 'logout', 'abcdefgh')
  await store.waitForReplicas([session.sid])
  await store.waitForReplicas([])
  await t.rejects(patient.waitForReplicas([session.sid]), /1 of 2 replicas/)

  stop()
  const line = Array.from({ length: 1000 }, () => store.waitForReplicas([session.sid]))
  await t.rejects(store.waitForReplicas([session.sid]), /do not follow/)
  store.close()
  t.ok((await Promise.allSettled(line)).every(({ status }) => status === 'rejected'))
})

t.test('a connection that was lost is replaced', async (t) => {
  const { master } = await startPair(t)
  const store = new RedisStore({ redis: master.client(), replicas: 1 })
  t.after(() => store.close())
  const { sid } = newSession()
  await store.waitForReplicas([sid])
  await master.client().call('CLIENT', 'KILL', 'TYPE', 'normal')
  await eventually(() =>
    store.waitForReplicas([sid]).then(
      () => true,
      () => false
    )
  )
})

t.test('in a Cluster, the replicas of the master that has the session', async (t) => {
  const { client: redis } = await startCluster(t)
  const { app } = await startLiveApp(t, { redis, revocation: { replicas: 1 } })
  const clients = await Promise.all(Array.from({ length: 20 }, (_, i) => login(app, `user-${i}`)))
  const answers = await Promise.all(clients.map((client) => client.logout()))
  t.same(new Set(answers.map(({ statusCode }) => statusCode)), new Set([200]))

  const { app: greedy } = await startLiveApp(t, {
    redis,
    storeTimeout: '0.2s',
    revocation: { replicas: 2 }
  })
  t.equal((await (await login(greedy)).logout()).statusCode, 503)
})

function logoutEverywhere(client: Client) {
  const { app } = client
  return app.inject({ method: 'POST', url: '/auth/logout-all', headers: client.accessHeaders() })
}

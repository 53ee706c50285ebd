import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { fastifyRefreshToken, type Identity } from '../../../lib/index.js'
import { SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { startCluster, startSentinel, type Topology } from '../../support/topologies.js'

const CLIENTS = 40
/** The replacement of a master takes a few seconds. */
const FAILOVER_TIMEOUT_MS = 120_000

for (const [name, start] of [
  ['Sentinel', startSentinel],
  ['Redis Cluster', startCluster]
] as const) {
  t.test(`${name}: each revocation reaches every other process although a master dies`, async (t) => {
    const topology = await start(t)
    const [app, other] = [await openApp(t, topology), await openApp(t, topology)]
    const revoked = await Promise.all(Array.from({ length: CLIENTS }, (_, i) => login(app, `user-${i}`)))
    const active = await login(app, 'active')
    const revokedAtOther = revoked.map(({ jar }) => new Client(other, {}, jar.copy()))

    await topology.waitForReplication()
    process.kill((await topology.masterOf('frt:{feed}:revoked')).pid, 'SIGKILL')
    const responses = await Promise.all(revoked.map((client) => client.logout()))
    const statuses = new Set(responses.map(({ statusCode }) => statusCode))
    t.ok([...statuses].every((status) => status === 200 || status === 503))
    for (const { statusCode, headers } of responses)
      if (statusCode === 503) t.equal(headers['retry-after'], '1')

    // A logout that returned 503 is retried in the background until it succeeds.
    for (const client of revokedAtOther) {
      await eventually(async () => (await client.call()).statusCode === 401, FAILOVER_TIMEOUT_MS)
      t.equal((await client.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
    }
    t.equal((await active.call()).statusCode, 200)
    await eventually(async () => (await active.refresh()).statusCode === 200, FAILOVER_TIMEOUT_MS)
  })
}

/** Uses the real clock, like the servers. */
async function openApp(t: Test, { client }: Topology): Promise<FastifyInstance> {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(fastifyRefreshToken, {
    secret: SECRET,
    redis: client,
    login: (request) => request.body as Identity
  })
  app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
  await app.ready()
  return app
}

async function login(app: FastifyInstance, sub: string): Promise<Client> {
  const client = new Client(app)
  await client.login({ sub })
  return client
}

import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { fastifyRefreshToken, type Identity } from '../../../lib/index.js'
import { SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { startCluster, startSentinel, type Topology } from '../../support/topologies.js'

const CLIENTS = 40
/** To replace a master takes a few seconds. */
const PATIENCE_MS = 20_000

for (const [name, start] of [
  ['Sentinel', startSentinel],
  ['Redis Cluster', startCluster]
] as const) {
  t.test(`${name}: a master dies while sessions end, and every other process learns of each`, async (t) => {
    const topology = await start(t)
    const [app, other] = [await openApp(t, topology), await openApp(t, topology)]
    const ending = await Promise.all(Array.from({ length: CLIENTS }, (_, i) => login(app, `user-${i}`)))
    const staying = await login(app, 'staying')
    const elsewhere = ending.map(({ jar }) => new Client(other, {}, jar.copy()))

    await topology.replicated()
    process.kill((await topology.masterOf('frt:{feed}:revoked')).pid, 'SIGKILL')
    const answers = await Promise.all(ending.map((client) => client.logout()))
    const statuses = new Set(answers.map(({ statusCode }) => statusCode))
    t.ok([...statuses].every((status) => status === 200 || status === 503))
    for (const { statusCode, headers } of answers)
      if (statusCode === 503) t.equal(headers['retry-after'], '1')

    // Those that were answered 503 are tried again, and done.
    for (const client of elsewhere) {
      await eventually(async () => (await client.call()).statusCode === 401, PATIENCE_MS)
      t.equal((await client.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
    }
    t.equal((await staying.call()).statusCode, 200)
    await eventually(async () => (await staying.refresh()).statusCode === 200, PATIENCE_MS)
  })
}

/** By the real clock, which the servers have, too. */
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

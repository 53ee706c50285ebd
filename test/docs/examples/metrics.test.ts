import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { buildMetrics } from '../../../examples/metrics.js'
import { MemoryStore } from '../../../lib/index.js'
import { DOWN, SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { startRedis } from '../../support/redis-server.js'

/** Returns the lines of the page that belong to a metric. */
async function metric(app: Client['app'], name: string): Promise<string[]> {
  const { body, headers } = await app.inject('/metrics')
  if (!String(headers['content-type']).startsWith('text/plain'))
    throw new Error('the response is not a Prometheus page')
  return body.split('\n').filter((line) => line.startsWith(name))
}

const login = () => ({ sub: 'ada' })

t.test('counts logins, refreshes, revocations and errors', async (t) => {
  const app = await buildMetrics({ secret: SECRET, login, refreshToken: { untilConfirmed: false, grace: 0 } })
  t.after(() => app.close())
  const client = new Client(app)
  await client.login()
  const attacker = client.copy()
  await client.refresh()
  for (let tries = 0; tries < 2; tries++) await attacker.refresh()
  const another = new Client(app)
  await another.login()
  await another.logout()

  t.same(await metric(app, 'frt_logins_total'), ['frt_logins_total 2'])
  t.same(await metric(app, 'frt_refreshes_total'), [
    'frt_refreshes_total{outcome="rotated",row="4"} 1',
    'frt_refreshes_total{outcome="reused",row="8"} 1'
  ])
  t.same(await metric(app, 'frt_sessions_revoked_total'), [
    'frt_sessions_revoked_total{reason="reused"} 1',
    'frt_sessions_revoked_total{reason="logout"} 1'
  ])
  t.same(await metric(app, 'frt_operation_errors_total'), [
    'frt_operation_errors_total{operation="refresh",code="FRT_ERR_REFRESH_TOKEN_REUSED"} 2'
  ])
  t.same(await metric(app, 'frt_operation_seconds_count'), [
    'frt_operation_seconds_count{operation="create"} 2',
    'frt_operation_seconds_count{operation="refresh"} 3',
    'frt_operation_seconds_count{operation="revoke"} 1'
  ])
})

t.test('counts refresh tokens of bound sessions without their key', async (t) => {
  const app = await buildMetrics({ secret: SECRET, login })
  t.after(() => app.close())
  const createKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const client = new Client(app, { key: createKey() })
  await client.login()
  for (const key of [null, createKey(), createKey()]) {
    await new Client(app, { key }, client.jar.copy()).refresh()
  }
  t.same(await metric(app, 'frt_proofs_refused_total'), [
    'frt_proofs_refused_total{reason="required"} 1',
    'frt_proofs_refused_total{reason="mismatch"} 2'
  ])
})

t.test('counts failed calls to the store by operation', async (t) => {
  const store = Object.assign(new MemoryStore(), { list: DOWN.list })
  const app = await buildMetrics({ secret: SECRET, login, store })
  t.after(() => app.close())
  await app.ready()
  await t.rejects(app.sessions.list('ada'))
  t.same(await metric(app, 'frt_store_errors_total'), ['frt_store_errors_total{operation="list"} 1'])
})

t.test('reports age, delay and state changes of the feed', async (t) => {
  const server = await startRedis(t)
  const redis = server.client()
  const app = await buildMetrics({ secret: SECRET, login, redis, revocation: { staleAfter: 1 } })
  t.after(() => app.close())
  const client = new Client(app)
  await client.login()
  await client.logout()
  const read = async (name: string) => Number((await metric(app, name))[0]?.split(' ')[1])
  await eventually(async () => (await read('frt_feed_lag_seconds_count')) > 0)
  t.ok((await read('frt_feed_age_seconds{prefix="frt:"}')) < 5)
  await server.stop()
  await eventually(async () => (await read('frt_feed_age_seconds{prefix="frt:"}')) > 1)
  await eventually(async () => (await metric(app, 'frt_feed_changes_total')).length === 2)
  t.same(await metric(app, 'frt_feed_changes_total'), [
    'frt_feed_changes_total{state="interrupted"} 1',
    'frt_feed_changes_total{state="stale"} 1'
  ])
})

t.test('stops counting when the app closes', async (t) => {
  const closed = await buildMetrics({ secret: SECRET, login })
  const open = await buildMetrics({ secret: SECRET, login })
  t.after(() => open.close())
  await closed.ready()
  await closed.close()
  await new Client(open).login()
  t.same(await metric(open, 'frt_logins_total'), ['frt_logins_total 1'])
})

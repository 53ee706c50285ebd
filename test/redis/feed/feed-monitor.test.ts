import t from 'tap'
import { createFeedMonitor } from '../../../lib/sessions/observability/feed-monitor.js'
import { heardOn } from '../../support/diagnostics.js'
import { eventually } from '../../support/eventually.js'
import { startLiveApp } from '../../support/live-app.js'
import { recordingLog } from '../../support/recording-log.js'
import { startRedis } from '../../support/redis-server.js'

const keyPrefix = 'frt:'

t.test('what changes with the feed is a line in the log and a message', async (t) => {
  const told = heardOn(t, 'fastify-refresh-token:feed')
  const { log, lines } = recordingLog(t)
  const tell = createFeedMonitor(keyPrefix, log)
  tell({ state: 'interrupted', reason: 'no answer' })
  tell({ state: 'gap' })
  tell({ state: 'recovered' })
  t.strictSame(told, [
    { keyPrefix, state: 'interrupted', reason: 'no answer' },
    { keyPrefix, state: 'gap' },
    { keyPrefix, state: 'recovered' }
  ])
  t.match(lines, [
    { level: 40, event: 'revocation_feed_interrupted', reason: 'no answer' },
    { level: 40, event: 'revocation_feed_gap' },
    { level: 30, event: 'revocation_feed_recovered' }
  ])
})

t.test('a feed that stays stale is told of once, until it has been read again', async (t) => {
  const told = heardOn(t, 'fastify-refresh-token:feed')
  const { log, lines } = recordingLog(t)
  const tell = createFeedMonitor(keyPrefix, log)
  for (let i = 0; i < 3; i++) tell({ state: 'stale', reason: 'no answer' })
  t.equal(told.length, 1)
  t.match(lines, [{ level: 40, event: 'revocation_feed_stale', reason: 'no answer' }])
  tell({ state: 'read', entries: 0 })
  tell({ state: 'stale', reason: 'no answer' })
  t.equal(told.length, 2)
  t.equal(lines.length, 2)
})

t.test('a reading is told of to who listens, and is no line in the log', async (t) => {
  const { log, lines } = recordingLog(t)
  const tell = createFeedMonitor(keyPrefix, log)
  tell({ state: 'read', entries: 7 })
  const reads = heardOn(t, 'fastify-refresh-token:feed-read')
  tell({ state: 'read', entries: 2, lagMs: 3 })
  t.strictSame(reads, [{ keyPrefix, entries: 2, lagMs: 3 }])
  t.same(lines, [])
})

t.test('an app tells how its feed in Redis is doing', async (t) => {
  const server = await startRedis(t)
  const told = heardOn(t, 'fastify-refresh-token:feed')
  const reads = heardOn(t, 'fastify-refresh-token:feed-read')
  const { app } = await startLiveApp(t, {
    redis: server.client(),
    keyPrefix: 'test:',
    revocation: { staleAfter: 1 }
  })
  t.match(reads, [{ keyPrefix: 'test:', entries: 0 }], 'it was read before the app was ready')
  const { session } = await app.sessions.create({ sub: 'ada' })
  await app.sessions.revoke(session.sid)
  await eventually(() => reads.some(({ entries, lagMs }) => entries === 1 && Number(lagMs) < 5000))
  t.same(told, [])
  await server.stop()
  await eventually(() => told.length === 2)
  t.match(told, [
    { keyPrefix: 'test:', state: 'interrupted', reason: String },
    { keyPrefix: 'test:', state: 'stale', reason: String }
  ])
})

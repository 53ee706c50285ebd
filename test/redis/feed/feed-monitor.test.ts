import t from 'tap'
import { createFeedMonitor } from '../../../lib/sessions/observability/feed-monitor.js'
import { recordMessages } from '../../support/diagnostics.js'
import { eventually } from '../../support/eventually.js'
import { startLiveApp } from '../../support/live-app.js'
import { recordingLog } from '../../support/recording-log.js'
import { startRedis } from '../../support/redis-server.js'

const keyPrefix = 'frt:'

t.test('createFeedMonitor logs and publishes each change of the feed', async (t) => {
  const events = recordMessages(t, 'fastify-refresh-token:feed')
  const { log, lines } = recordingLog(t)
  const monitor = createFeedMonitor(keyPrefix, log)
  monitor({ state: 'interrupted', reason: 'no reply' })
  monitor({ state: 'gap' })
  monitor({ state: 'recovered' })
  t.strictSame(events, [
    { keyPrefix, state: 'interrupted', reason: 'no reply' },
    { keyPrefix, state: 'gap' },
    { keyPrefix, state: 'recovered' }
  ])
  t.match(lines, [
    { level: 40, event: 'revocation_feed_interrupted', reason: 'no reply' },
    { level: 40, event: 'revocation_feed_gap' },
    { level: 30, event: 'revocation_feed_recovered' }
  ])
})

t.test('createFeedMonitor reports a stale feed once, until the feed was read again', async (t) => {
  const events = recordMessages(t, 'fastify-refresh-token:feed')
  const { log, lines } = recordingLog(t)
  const monitor = createFeedMonitor(keyPrefix, log)
  for (let i = 0; i < 3; i++) monitor({ state: 'stale', reason: 'no reply' })
  t.equal(events.length, 1)
  t.match(lines, [{ level: 40, event: 'revocation_feed_stale', reason: 'no reply' }])
  monitor({ state: 'read', entries: 0 })
  monitor({ state: 'stale', reason: 'no reply' })
  t.equal(events.length, 2)
  t.equal(lines.length, 2)
})

t.test('createFeedMonitor publishes each read to subscribers, and does not log it', async (t) => {
  const { log, lines } = recordingLog(t)
  const monitor = createFeedMonitor(keyPrefix, log)
  monitor({ state: 'read', entries: 7 })
  const reads = recordMessages(t, 'fastify-refresh-token:feed-read')
  monitor({ state: 'read', entries: 2, lagMs: 3 })
  t.strictSame(reads, [{ keyPrefix, entries: 2, lagMs: 3 }])
  t.same(lines, [])
})

t.test('an application publishes the state of its Redis feed', async (t) => {
  const server = await startRedis(t)
  const events = recordMessages(t, 'fastify-refresh-token:feed')
  const reads = recordMessages(t, 'fastify-refresh-token:feed-read')
  const { app } = await startLiveApp(t, {
    redis: server.client(),
    keyPrefix: 'test:',
    revocation: { staleAfter: 1 }
  })
  t.match(reads, [{ keyPrefix: 'test:', entries: 0 }], 'the feed was read before the application was ready')
  const { session } = await app.sessions.create({ sub: 'ada' })
  await app.sessions.revoke(session.sid)
  await eventually(() => reads.some(({ entries, lagMs }) => entries === 1 && Number(lagMs) < 5000))
  t.same(events, [])
  await server.stop()
  await eventually(() => events.length === 2)
  t.match(events, [
    { keyPrefix: 'test:', state: 'interrupted', reason: String },
    { keyPrefix: 'test:', state: 'stale', reason: String }
  ])
})

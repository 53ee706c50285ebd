import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { StoreClient } from '../../../../lib/sessions/store-access/store-client.js'
import { StoreOutage } from '../../../../lib/sessions/store-access/store-outage.js'
import type { SessionStore } from '../../../../types/session-store.js'
import { recordingLog } from '../../../support/recording-log.js'

const SECOND = 1000

/** Creates an outage on a clock that the test advances. */
function createOutage(t: Test) {
  let nowMs = 5 * SECOND
  const clock = mock.method(performance, 'now', () => nowMs)
  t.teardown(() => clock.mock.restore())
  const { log, lines } = recordingLog(t)
  return {
    outage: new StoreOutage('frt:', log),
    lines,
    now: () => nowMs,
    pass(ms: number) {
      nowMs += ms
    }
  }
}

t.test('an outage is logged as one warning and one recovery, even if many calls fail', (t) => {
  const { outage, lines, now, pass } = createOutage(t)
  outage.recordSuccess()
  t.same(lines, [], 'no call has failed')
  for (const operation of ['rotate', 'create', 'revoke'] as const) {
    outage.recordFailure(operation, 'connect ECONNREFUSED', now())
    pass(SECOND)
  }
  t.match(lines, [{ level: 40, event: 'store_unavailable', operation: 'rotate', reason: /ECONNREFUSED/ }])
  outage.recordSuccess()
  pass(10 * SECOND - 1)
  outage.recordSuccess()
  t.equal(lines.length, 1, 'the recovery window is not over')
  pass(1)
  outage.recordSuccess()
  outage.recordSuccess()
  t.match(lines.slice(1), [{ level: 30, event: 'store_recovered', durationMs: 3 * SECOND }])
  t.equal(lines.length, 2)

  outage.recordFailure('rotate', 'connect ECONNREFUSED', now())
  t.equal(lines.length, 3, 'a new outage is logged')
  t.end()
})

t.test('intermittent failures are logged as one outage', (t) => {
  const { outage, lines, now, pass } = createOutage(t)
  for (let times = 0; times < 20; times++) {
    outage.recordFailure('revoke', 'NOPERM', now())
    pass(5 * SECOND)
    outage.recordSuccess()
    pass(9 * SECOND)
    outage.recordSuccess()
  }
  t.same(
    lines.map(({ event }) => event),
    ['store_unavailable']
  )
  t.end()
})

t.test('a failed call starts an outage, and successful calls end it', async (t) => {
  const { outage, lines, pass } = createOutage(t)
  const client = new StoreClient({} as SessionStore, { keyPrefix: 'frt:', timeoutMs: 2000, outage })
  await t.rejects(
    client.call('has', () => Promise.reject(new Error('LOADING'))),
    { code: 'FRT_ERR_STORE_UNAVAILABLE' }
  )
  t.match(lines, [{ event: 'store_unavailable', operation: 'has', reason: 'LOADING' }])
  for (let times = 0; times < 2; times++) {
    await client.call('has', async () => true)
    pass(10 * SECOND)
  }
  t.equal(lines.at(-1)?.event, 'store_recovered')
})

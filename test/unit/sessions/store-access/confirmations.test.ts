import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { Confirmations } from '../../../../lib/sessions/store-access/confirmations.js'
import type { StoreClient } from '../../../../lib/sessions/store-access/store-client.js'
import { RetryQueue } from '../../../../lib/utils/retry-queue.js'
import type { SessionStore } from '../../../../types/session-store.js'
import { storeClient } from '../../../support/store-client.js'
import { mockTimers, pass, settle } from '../../../support/timers.js'

/** The lifetime of an access token. */
const TTL_MS = 300_000

/** Creates confirmations on mocked timers, for a store that records the calls. */
function createConfirmations(t: Test, confirm: () => Promise<void> = async () => {}) {
  mockTimers(t)
  const retryQueue = new RetryQueue({ pauseMs: 100 })
  t.teardown(() => retryQueue.close())
  const sent: string[] = []
  const store = {
    confirm(sid: string, gen: number) {
      sent.push(`${sid} ${gen}`)
      return confirm()
    }
  } as SessionStore
  return {
    sent,
    retryQueue,
    confirmations: new Confirmations(storeClient(store, 2000, retryQueue), TTL_MS)
  }
}

t.test('a generation is confirmed once, even if its access token is used several times', async (t) => {
  const { sent, confirmations } = createConfirmations(t)
  for (let i = 0; i < 5; i++) {
    confirmations.confirm('a', 2)
    await pass(1000)
  }
  t.same(sent, ['a 2'])
})

t.test('a forgotten session is confirmed again', async (t) => {
  const { sent, confirmations } = createConfirmations(t)
  confirmations.confirm('a', 2)
  confirmations.forget('a')
  await settle()
  confirmations.confirm('a', 2)
  await settle()
  t.same(sent, ['a 2', 'a 2'])
})

t.test('the first generation is not confirmed', async (t) => {
  const { sent, confirmations } = createConfirmations(t)
  confirmations.confirm('a', 1)
  await settle()
  t.same(sent, [])
})

t.test('each generation of each session is confirmed, except older generations', async (t) => {
  const { sent, confirmations } = createConfirmations(t)
  for (const [sid, gen] of [
    ['a', 2],
    ['a', 3],
    ['b', 2],
    ['a', 2],
    ['a', 5],
    ['a', 4]
  ] as const) {
    confirmations.confirm(sid, gen)
    await settle()
  }
  t.same(sent, ['a 2', 'a 3', 'b 2', 'a 5'])
})

t.test('confirm does not wait for the store', async (t) => {
  const { sent, confirmations } = createConfirmations(t, () => new Promise(() => {}))
  t.equal(confirmations.confirm('a', 2), undefined)
  await settle()
  t.same(sent, ['a 2'])
})

t.test('a failed confirmation is retried until it succeeds', async (t) => {
  let failures = 3
  const { sent, confirmations } = createConfirmations(t, async () => {
    if (failures-- > 0) throw new Error('READONLY')
  })
  confirmations.confirm('a', 2)
  await settle()
  for (const [pauseMs, attempts] of [
    [100, 2],
    [200, 3],
    [400, 4],
    [100_000, 4]
  ] as const) {
    confirmations.confirm('a', 2)
    await pass(pauseMs)
    t.equal(sent.length, attempts, `after ${pauseMs} ms`)
  }
})

t.test('a confirmation without a reply is not sent again, because it may still be queued', async (t) => {
  const { sent, confirmations } = createConfirmations(t, () => new Promise(() => {}))
  confirmations.confirm('a', 2)
  await settle()
  await pass(1_000_000)
  confirmations.confirm('a', 2)
  await settle()
  t.equal(sent.length, 1)
})

t.test('a failed confirmation is not retried after a later generation was confirmed', async (t) => {
  let isDown = true
  const { sent, confirmations } = createConfirmations(t, async () => {
    if (isDown) throw new Error('LOADING')
  })
  confirmations.confirm('a', 2)
  await settle()
  isDown = false
  confirmations.confirm('a', 3)
  await pass(100_000)
  t.same(sent, ['a 2', 'a 3'])
})

t.test(
  'a failed confirmation is retried during the access token lifetime only, and a later call sends it again',
  async (t) => {
    const { sent, confirmations } = createConfirmations(t, () => Promise.reject(new Error('down')))
    const start = performance.now()
    const clock = mock.method(performance, 'now', () => start)
    t.teardown(() => clock.mock.restore())
    confirmations.confirm('a', 2)
    await settle()
    clock.mock.mockImplementation(() => start + TTL_MS + 1)
    await pass(100_000)
    t.equal(sent.length, 1)
    confirmations.confirm('a', 2)
    await settle()
    t.equal(sent.length, 2)
  }
)

t.test('close stops the retries', async (t) => {
  const { sent, retryQueue, confirmations } = createConfirmations(t, () => Promise.reject(new Error('down')))
  confirmations.confirm('a', 2)
  await settle()
  await pass(100)
  t.equal(sent.length, 2)
  retryQueue.close()
  await pass(100_000)
  t.equal(sent.length, 2)
})

t.test(
  'the memory is bounded, so that a session that was not used for long is confirmed again',
  async (t) => {
    const sent: string[] = []
    // Records the calls without a store, because 50,000 calls with their timeouts take seconds.
    const client = { callInBackground: (key: string) => void sent.push(key) } as unknown as StoreClient
    const confirmations = new Confirmations(client, TTL_MS)
    confirmations.confirm('first', 2)
    for (let i = 0; i < 50_000; i++) confirmations.confirm(`session ${i}`, 2)
    t.equal(sent.length, 50_001)
    confirmations.confirm('first', 2)
    confirmations.confirm('session 49999', 2)
    t.same(sent.slice(50_001), ['confirm first 2'])
  }
)

import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { Confirmations } from '../../../../lib/sessions/store-access/confirmations.js'
import { RetryQueue } from '../../../../lib/utils/retry-queue.js'
import type { SessionStore } from '../../../../types/session-store.js'
import { storeClient } from '../../../support/store-client.js'
import { mockTimers, pass, settle } from '../../../support/timers.js'

/** The lifetime of an access token. */
const TTL_MS = 300_000

/** Confirmations to a store that records them, and answers as `confirm` does. */
function recorded(confirm: () => Promise<void> = async () => {}) {
  const background = new RetryQueue({ pauseMs: 100 })
  const sent: string[] = []
  const store = {
    confirm(sid: string, gen: number) {
      sent.push(`${sid} ${gen}`)
      return confirm()
    }
  } as SessionStore
  return {
    sent,
    background,
    confirmations: new Confirmations(storeClient(store, 2000, background), TTL_MS)
  }
}

/** The same, in a time that the test lets pass. */
function confirmations(t: Test, confirm?: () => Promise<void>) {
  mockTimers(t)
  const made = recorded(confirm)
  t.teardown(() => made.background.close())
  return made
}

t.test('a generation is confirmed once, however often its access token is used', async (t) => {
  const { sent, confirmations: all } = confirmations(t)
  for (let i = 0; i < 5; i++) {
    all.confirm('a', 2)
    await pass(1000)
  }
  t.same(sent, ['a 2'])
})

t.test('the generation of a login counts as confirmed', async (t) => {
  const { sent, confirmations: all } = confirmations(t)
  all.confirm('a', 1)
  await settle()
  t.same(sent, [])
})

t.test('each generation and each session is confirmed, an older generation not any more', async (t) => {
  const { sent, confirmations: all } = confirmations(t)
  for (const [sid, gen] of [
    ['a', 2],
    ['a', 3],
    ['b', 2],
    ['a', 2],
    ['a', 5],
    ['a', 4]
  ] as const) {
    all.confirm(sid, gen)
    await settle()
  }
  t.same(sent, ['a 2', 'a 3', 'b 2', 'a 5'])
})

t.test('what confirms does not wait for the store', async (t) => {
  const { sent, confirmations: all } = confirmations(t, () => new Promise(() => {}))
  t.equal(all.confirm('a', 2), undefined)
  await settle()
  t.same(sent, ['a 2'])
})

t.test('a confirmation that failed is sent again until it is acknowledged, then no more', async (t) => {
  let failures = 3
  const { sent, confirmations: all } = confirmations(t, async () => {
    if (failures-- > 0) throw new Error('READONLY')
  })
  all.confirm('a', 2)
  await settle()
  for (const [pauseMs, tries] of [
    [100, 2],
    [200, 3],
    [400, 4],
    [100_000, 4]
  ] as const) {
    all.confirm('a', 2)
    await pass(pauseMs)
    t.equal(sent.length, tries, `after ${pauseMs} ms`)
  }
})

t.test('what the store has not answered yet is not sent again: it may still be queued', async (t) => {
  const { sent, confirmations: all } = confirmations(t, () => new Promise(() => {}))
  all.confirm('a', 2)
  await settle()
  await pass(1_000_000)
  all.confirm('a', 2)
  await settle()
  t.equal(sent.length, 1)
})

t.test('once a later generation is confirmed, the older one is not sent again', async (t) => {
  let isDown = true
  const { sent, confirmations: all } = confirmations(t, async () => {
    if (isDown) throw new Error('LOADING')
  })
  all.confirm('a', 2)
  await settle()
  isDown = false
  all.confirm('a', 3)
  await pass(100_000)
  t.same(sent, ['a 2', 'a 3'])
})

t.test(
  'what is not acknowledged is given up when no token lives that would need it, and begun anew',
  async (t) => {
    const { sent, confirmations: all } = confirmations(t, () => Promise.reject(new Error('down')))
    const start = performance.now()
    const clock = mock.method(performance, 'now', () => start)
    t.teardown(() => clock.mock.restore())
    all.confirm('a', 2)
    await settle()
    clock.mock.mockImplementation(() => start + TTL_MS + 1)
    await pass(100_000)
    t.equal(sent.length, 1)
    all.confirm('a', 2)
    await settle()
    t.equal(sent.length, 2)
  }
)

t.test('closing gives up what is not acknowledged', async (t) => {
  const { sent, background, confirmations: all } = confirmations(t, () => Promise.reject(new Error('down')))
  all.confirm('a', 2)
  await settle()
  await pass(100)
  t.equal(sent.length, 2)
  background.close()
  await pass(100_000)
  t.equal(sent.length, 2)
})

t.test('what is remembered is bounded: a session long not seen is confirmed once more', async (t) => {
  const { sent, confirmations: all } = recorded()
  all.confirm('first', 2)
  for (let i = 0; i < 50_000; i++) all.confirm(`session ${i}`, 2)
  await settle()
  t.equal(sent.length, 50_001)
  all.confirm('first', 2)
  all.confirm('session 49999', 2)
  await settle()
  t.same(sent.slice(50_001), ['first 2'])
})

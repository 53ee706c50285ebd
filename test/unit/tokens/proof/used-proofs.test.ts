import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { createUsedProofs } from '../../../../lib/tokens/proof/used-proofs.js'

const PERIOD = 420_000

/** Mocks the monotonic clock. */
function mockClock(t: Test): (ms: number) => void {
  let nowMs = 1000
  const clock = mock.method(performance, 'now', () => nowMs)
  t.after(() => clock.mock.restore())
  return (ms) => {
    nowMs += ms
  }
}

t.test('a proof is accepted once', async (t) => {
  mockClock(t)
  const used = createUsedProofs(100, PERIOD)
  t.ok(used.add('a'))
  t.notOk(used.add('a'))
  t.ok(used.add('b'))
})

t.test('a proof is remembered for at least the period, and at most twice as long', async (t) => {
  const advance = mockClock(t)
  for (const laterMs of [0, 1, PERIOD / 2, PERIOD - 1]) {
    const used = createUsedProofs(100, PERIOD)
    advance(laterMs)
    used.add('a')
    advance(PERIOD - 1)
    used.add('other')
    t.notOk(used.add('a'), `added after ${laterMs} ms`)
    advance(2 * PERIOD)
    t.ok(used.add('a'))
  }
})

t.test('a full memory forgets the older proofs and locks out no client', async (t) => {
  mockClock(t)
  const used = createUsedProofs(10, PERIOD)
  for (let i = 0; i < 100; i++) t.ok(used.add(`proof ${i}`))
  t.notOk(used.add('proof 99'), 'the latest one is remembered')
  t.notOk(used.add('proof 95'))
  t.ok(used.add('proof 1'))
})

t.test('a memory of 0 proofs remembers none', async (t) => {
  mockClock(t)
  const used = createUsedProofs(0, PERIOD)
  t.ok(used.add('a'))
  t.ok(used.add('a'))
})

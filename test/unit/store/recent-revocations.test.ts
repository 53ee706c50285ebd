import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { RecentRevocations } from '../../../lib/store/recent-revocations.js'
import type { Revocation } from '../../../types/revocation-feed.js'

const retentionMs = 60_000

function revocation(sid: string): Revocation {
  return { sids: [sid], reason: 'logout', expiresAtMs: 0 }
}

/** Mocks the monotonic clock. The test advances it. */
function mockClock(t: Test) {
  let nowMs = 1000.25
  const monotonic = mock.method(performance, 'now', () => nowMs)
  t.teardown(() => monotonic.mock.restore())
  return {
    advance(ms: number) {
      nowMs += ms
    }
  }
}

function idsOf(recent: RecentRevocations, beforeMs = Number.POSITIVE_INFINITY): string[] {
  return [...recent.addedBefore(beforeMs).keys()]
}

t.test('keeps at most a number of revocations, the latest ones', async (t) => {
  mockClock(t)
  const recent = new RecentRevocations(retentionMs, 2)
  for (const id of ['a', 'b', 'c']) recent.add(id, revocation(id))
  t.same(idsOf(recent), ['b', 'c'])
})

t.test('addedBefore returns the revocations in the order in which they were added', async (t) => {
  mockClock(t)
  const recent = new RecentRevocations(retentionMs)
  for (const id of ['b', 'a', 'c']) recent.add(id, revocation(id))
  t.same(
    [...recent.addedBefore(Number.POSITIVE_INFINITY)],
    [
      ['b', revocation('b')],
      ['a', revocation('a')],
      ['c', revocation('c')]
    ]
  )
})

t.test('addedBefore returns only what was added before the given time', async (t) => {
  const { advance } = mockClock(t)
  const recent = new RecentRevocations(retentionMs)
  recent.add('a', revocation('a'))
  advance(1)
  const timeMs = performance.now()
  recent.add('b', revocation('b'))
  t.same(idsOf(recent, timeMs), ['a'])
  t.same(idsOf(recent), ['a', 'b'])
})

t.test('delete removes a revocation, and ignores an unknown id', async (t) => {
  mockClock(t)
  const recent = new RecentRevocations(retentionMs)
  recent.add('a', revocation('a'))
  recent.delete('a')
  recent.delete('unknown')
  t.same(idsOf(recent), [])
})

t.test('addedBefore drops revocations that are older than the retention', async (t) => {
  const { advance } = mockClock(t)
  const recent = new RecentRevocations(retentionMs)
  recent.add('a', revocation('a'))
  advance(retentionMs - 1)
  recent.add('b', revocation('b'))
  advance(1)
  t.same(idsOf(recent), ['a', 'b'])
  advance(1)
  t.same(idsOf(recent), ['b'])
  advance(retentionMs)
  t.same(idsOf(recent), [])
})

t.test('add removes old revocations from memory', async (t) => {
  const { advance } = mockClock(t)
  const recent = new RecentRevocations(retentionMs)
  const remove = mock.method(Map.prototype, 'delete')
  t.teardown(() => remove.mock.restore())
  recent.add('a', revocation('a'))
  advance(retentionMs + 1)
  recent.add('b', revocation('b'))
  t.ok(remove.mock.calls.some(({ arguments: [id] }) => id === 'a'))
})

import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { RecentRevocations } from '../../../lib/store/recent-revocations.js'
import type { Revocation } from '../../../types/revocation-feed.js'

const retentionMs = 60_000

function revocation(sid: string): Revocation {
  return { sids: [sid], reason: 'logout', expiresAtMs: 0 }
}

/** The monotonic clock, as the test lets it pass. */
function clock(t: Test) {
  let nowMs = 1000.25
  const monotonic = mock.method(performance, 'now', () => nowMs)
  t.teardown(() => monotonic.mock.restore())
  return {
    pass(ms: number) {
      nowMs += ms
    }
  }
}

function idsOf(recent: RecentRevocations, before = Number.POSITIVE_INFINITY): string[] {
  return [...recent.addedBefore(before).keys()]
}

t.test('it knows what was added, in that order', async (t) => {
  clock(t)
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

t.test('it tells what was added before a moment', async (t) => {
  const { pass } = clock(t)
  const recent = new RecentRevocations(retentionMs)
  recent.add('a', revocation('a'))
  pass(1)
  const moment = performance.now()
  recent.add('b', revocation('b'))
  t.same(idsOf(recent, moment), ['a'])
  t.same(idsOf(recent), ['a', 'b'])
})

t.test('it forgets what is deleted', async (t) => {
  clock(t)
  const recent = new RecentRevocations(retentionMs)
  recent.add('a', revocation('a'))
  recent.delete('a')
  recent.delete('unknown')
  t.same(idsOf(recent), [])
})

t.test('it forgets what no longer matters, and keeps what still does', async (t) => {
  const { pass } = clock(t)
  const recent = new RecentRevocations(retentionMs)
  recent.add('a', revocation('a'))
  pass(retentionMs - 1)
  recent.add('b', revocation('b'))
  pass(1)
  t.same(idsOf(recent), ['a', 'b'])
  pass(1)
  t.same(idsOf(recent), ['b'])
  pass(retentionMs)
  t.same(idsOf(recent), [])
})

t.test('what is forgotten is not kept in memory either, though nobody asks', async (t) => {
  const { pass } = clock(t)
  const recent = new RecentRevocations(retentionMs)
  const remove = mock.method(Map.prototype, 'delete')
  t.teardown(() => remove.mock.restore())
  recent.add('a', revocation('a'))
  pass(retentionMs + 1)
  recent.add('b', revocation('b'))
  t.ok(remove.mock.calls.some(({ arguments: [id] }) => id === 'a'))
})

import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { Freshness } from '../../../../../lib/store/redis/feed/freshness.js'
import { readClocks } from '../../../../../lib/utils/clock.js'

const staleAfterMs = 5000
const retentionMs = 300_000
const startMs = Date.UTC(2030, 0, 1)

/** Mocks both clocks. The test advances them. */
function mockClocks(t: Test) {
  mock.timers.enable({ apis: ['Date'], now: startMs })
  let monotonicMs = 1000.25
  const monotonic = mock.method(performance, 'now', () => monotonicMs)
  t.teardown(() => {
    monotonic.mock.restore()
    mock.timers.reset()
  })
  return {
    advanceWall: (ms: number) => mock.timers.setTime(Date.now() + ms),
    advanceMonotonic(ms: number) {
      monotonicMs += ms
    },
    advanceBoth(ms: number) {
      this.advanceWall(ms)
      this.advanceMonotonic(ms)
    }
  }
}

function createFresh(): Freshness {
  const freshness = new Freshness(staleAfterMs, retentionMs)
  freshness.markCaughtUp(readClocks())
  return freshness
}

t.test('isStale returns true until the stream was read once', async (t) => {
  mockClocks(t)
  const freshness = new Freshness(staleAfterMs, retentionMs)
  t.equal(freshness.isStale(), true)
  freshness.markCaughtUp(readClocks())
  t.equal(freshness.isStale(), false)
})

t.test('isStale returns true when the last read is too old, and false after the next read', async (t) => {
  const clocks = mockClocks(t)
  const freshness = createFresh()
  clocks.advanceBoth(staleAfterMs)
  t.equal(freshness.isStale(), false)
  clocks.advanceBoth(1)
  t.equal(freshness.isStale(), true)
  freshness.markCaughtUp(readClocks())
  t.equal(freshness.isStale(), false)
})

t.test('isStale uses the start of a read, not its end', async (t) => {
  const clocks = mockClocks(t)
  const freshness = new Freshness(staleAfterMs, retentionMs)
  const startedAt = readClocks()
  clocks.advanceBoth(staleAfterMs + 1)
  freshness.markCaughtUp(startedAt)
  t.equal(freshness.isStale(), true)
})

t.test('isStale uses the clock that shows more elapsed time', async (t) => {
  await t.test('the monotonic clock stopped while the machine slept', async (t) => {
    const clocks = mockClocks(t)
    const freshness = createFresh()
    clocks.advanceWall(staleAfterMs + 1)
    t.equal(freshness.isStale(), true)
  })
  await t.test('the wall clock was set back', async (t) => {
    const clocks = mockClocks(t)
    const freshness = createFresh()
    clocks.advanceWall(-86_400_000)
    t.equal(freshness.isStale(), false)
    clocks.advanceBoth(staleAfterMs + 1)
    t.equal(freshness.isStale(), true)
  })
  await t.test('the wall clock was set forward', async (t) => {
    const clocks = mockClocks(t)
    const freshness = createFresh()
    clocks.advanceWall(86_400_000)
    t.equal(freshness.isStale(), true)
    freshness.markCaughtUp(readClocks())
    t.equal(freshness.isStale(), false)
  })
})

t.test('a gap keeps the feed stale for the whole retention, despite successful reads', async (t) => {
  const clocks = mockClocks(t)
  const freshness = createFresh()
  freshness.markGap()
  for (let elapsedMs = 0; elapsedMs < retentionMs; elapsedMs += 1000) {
    freshness.markCaughtUp(readClocks())
    t.equal(freshness.isStale(), true)
    clocks.advanceBoth(1000)
  }
  clocks.advanceBoth(1)
  freshness.markCaughtUp(readClocks())
  t.equal(freshness.isStale(), false)
})

t.test('a clock that jumps does not shorten the retention of a gap', async (t) => {
  for (const advance of ['advanceWall', 'advanceMonotonic'] as const) {
    await t.test(advance, async (t) => {
      const clocks = mockClocks(t)
      const freshness = createFresh()
      freshness.markGap()
      clocks[advance](10 * retentionMs)
      freshness.markCaughtUp(readClocks())
      t.equal(freshness.isStale(), true)
    })
  }
})

t.test('a second gap restarts the retention', async (t) => {
  const clocks = mockClocks(t)
  const freshness = createFresh()
  freshness.markGap()
  clocks.advanceBoth(retentionMs - 1)
  freshness.markGap()
  clocks.advanceBoth(retentionMs - 1)
  freshness.markCaughtUp(readClocks())
  t.equal(freshness.isStale(), true)
})

t.test('the feed becomes stale without reads after a gap has expired', async (t) => {
  const clocks = mockClocks(t)
  const freshness = createFresh()
  freshness.markGap()
  clocks.advanceBoth(retentionMs + 1)
  t.equal(freshness.isStale(), true)
})

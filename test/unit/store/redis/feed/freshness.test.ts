import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { Freshness } from '../../../../../lib/store/redis/feed/freshness.js'
import { readClocks } from '../../../../../lib/utils/clock.js'

const staleAfterMs = 5000
const retentionMs = 300_000
const startMs = Date.UTC(2030, 0, 1)

/** Both clocks, as the test lets them pass. */
function clocks(t: Test) {
  mock.timers.enable({ apis: ['Date'], now: startMs })
  let monotonicMs = 1000.25
  const monotonic = mock.method(performance, 'now', () => monotonicMs)
  t.teardown(() => {
    monotonic.mock.restore()
    mock.timers.reset()
  })
  return {
    wall: (ms: number) => mock.timers.setTime(Date.now() + ms),
    monotonic(ms: number) {
      monotonicMs += ms
    },
    both(ms: number) {
      this.wall(ms)
      this.monotonic(ms)
    }
  }
}

function fresh(): Freshness {
  const freshness = new Freshness(staleAfterMs, retentionMs)
  freshness.markCaughtUp(readClocks())
  return freshness
}

t.test('it is stale until all was read once', async (t) => {
  clocks(t)
  const freshness = new Freshness(staleAfterMs, retentionMs)
  t.equal(freshness.isStale(), true)
  freshness.markCaughtUp(readClocks())
  t.equal(freshness.isStale(), false)
})

t.test('it is stale when that was too long ago, and no longer when all was read again', async (t) => {
  const pass = clocks(t)
  const freshness = fresh()
  pass.both(staleAfterMs)
  t.equal(freshness.isStale(), false)
  pass.both(1)
  t.equal(freshness.isStale(), true)
  freshness.markCaughtUp(readClocks())
  t.equal(freshness.isStale(), false)
})

t.test('what counts is when it was asked, not when it was answered', async (t) => {
  const pass = clocks(t)
  const freshness = new Freshness(staleAfterMs, retentionMs)
  const asked = readClocks()
  pass.both(staleAfterMs + 1)
  freshness.markCaughtUp(asked)
  t.equal(freshness.isStale(), true)
})

t.test('whichever clock says "longer" is believed', async (t) => {
  await t.test('the machine slept: the monotonic clock stood still', async (t) => {
    const pass = clocks(t)
    const freshness = fresh()
    pass.wall(staleAfterMs + 1)
    t.equal(freshness.isStale(), true)
  })
  await t.test('the wall clock was set back', async (t) => {
    const pass = clocks(t)
    const freshness = fresh()
    pass.wall(-86_400_000)
    t.equal(freshness.isStale(), false)
    pass.both(staleAfterMs + 1)
    t.equal(freshness.isStale(), true)
  })
  await t.test('the wall clock was set forward: until all was read again', async (t) => {
    const pass = clocks(t)
    const freshness = fresh()
    pass.wall(86_400_000)
    t.equal(freshness.isStale(), true)
    freshness.markCaughtUp(readClocks())
    t.equal(freshness.isStale(), false)
  })
})

t.test('what was lost matters for as long as any entry, however much is read', async (t) => {
  const pass = clocks(t)
  const freshness = fresh()
  freshness.markGap()
  for (let passed = 0; passed < retentionMs; passed += 1000) {
    freshness.markCaughtUp(readClocks())
    t.equal(freshness.isStale(), true)
    pass.both(1000)
  }
  pass.both(1)
  freshness.markCaughtUp(readClocks())
  t.equal(freshness.isStale(), false)
})

t.test('a clock that jumps does not make a loss matter for less', async (t) => {
  for (const clock of ['wall', 'monotonic'] as const) {
    await t.test(`the ${clock} clock`, async (t) => {
      const pass = clocks(t)
      const freshness = fresh()
      freshness.markGap()
      pass[clock](10 * retentionMs)
      freshness.markCaughtUp(readClocks())
      t.equal(freshness.isStale(), true)
    })
  }
})

t.test('a second loss counts from its own time', async (t) => {
  const pass = clocks(t)
  const freshness = fresh()
  freshness.markGap()
  pass.both(retentionMs - 1)
  freshness.markGap()
  pass.both(retentionMs - 1)
  freshness.markCaughtUp(readClocks())
  t.equal(freshness.isStale(), true)
})

t.test('with a loss behind it, silence makes it stale as ever', async (t) => {
  const pass = clocks(t)
  const freshness = fresh()
  freshness.markGap()
  pass.both(retentionMs + 1)
  t.equal(freshness.isStale(), true)
})

import t from 'tap'
import { createMany } from './many-sessions.js'
import { growthOf } from './memory-growth.js'
import { randomOf, soak } from './run.js'

const MB = 1024 * 1024

/** Returns fifteen measurements in five minutes. */
function series(bytesAt: (i: number) => number) {
  return Array.from({ length: 15 }, (_, i) => ({ at: 300 + i * 20, bytes: bytesAt(i) }))
}

t.test('growthOf accepts fluctuations and detects small steady growth', async (t) => {
  const random = randomOf(1)
  const noise = series(() => (30 + random()) * MB)
  t.ok(growthOf(noise, MB).isFlat)
  t.ok(
    growthOf(
      series((i) => (i === 14 || i === 9 ? 60 : 30) * MB),
      MB
    ).isFlat,
    'two outliers'
  )
  t.ok(
    growthOf(
      series((i) => (60 - i) * MB),
      MB
    ).isFlat,
    'shrinking memory'
  )
  // A growth of two megabytes with noise of one megabyte.
  const leaking = growthOf(
    noise.map(({ at, bytes }, i) => ({ at, bytes: bytes + (i * 2 * MB) / 14 })),
    MB
  )
  t.notOk(leaking.isFlat)
  t.ok(Math.abs(leaking.grown - 2 * MB) < MB / 2, String(leaking.grown))
  t.throws(() => growthOf([], MB))
})

t.test('a few seconds of mixed load cause no unexpected response', async (t) => {
  const load = { seconds: 2, connections: 20, pauseMs: 40, seed: 1, log() {} }
  const { rows, tally } = await soak(t, load)
  t.same(tally.unexpected, [])
  t.ok(tally.total > 100, `${tally.total} operations`)
  t.ok(rows.every(({ heapUsed, redis }) => heapUsed > MB && redis > MB / 4))
})

t.test('the memory store frees the memory of expired sessions', async (t) => {
  const { tenths, heapBefore, heapAfter } = await createMany(10_000, 10_000)
  const [full] = tenths.slice(-1)
  t.ok(full && full.heapUsed - heapBefore > 5 * MB, 'ten thousand sessions')
  t.ok(heapAfter - heapBefore < MB, `${heapAfter - heapBefore} bytes left`)
})

import t from 'tap'
import { growthOf } from './flat.js'
import { beginMany } from './many-sessions.js'
import { randomOf, soak } from './run.js'

const MB = 1024 * 1024

/** Fifteen measurements in five minutes. */
function series(bytesAt: (i: number) => number) {
  return Array.from({ length: 15 }, (_, i) => ({ at: 300 + i * 20, bytes: bytesAt(i) }))
}

t.test('what goes up and down stays; what goes up a little each time does not', async (t) => {
  const random = randomOf(1)
  const noise = series(() => (30 + random()) * MB)
  t.ok(growthOf(noise, MB).isFlat)
  t.ok(
    growthOf(
      series((i) => (i === 14 || i === 9 ? 60 : 30) * MB),
      MB
    ).isFlat,
    'but for two collections'
  )
  t.ok(
    growthOf(
      series((i) => (60 - i) * MB),
      MB
    ).isFlat,
    'what shrinks'
  )
  // Two megabytes in all, beneath noise of one.
  const leaking = growthOf(
    noise.map(({ at, bytes }, i) => ({ at, bytes: bytes + (i * 2 * MB) / 14 })),
    MB
  )
  t.notOk(leaking.isFlat)
  t.ok(Math.abs(leaking.grown - 2 * MB) < MB / 2, String(leaking.grown))
  t.throws(() => growthOf([], MB))
})

t.test('a few seconds of everything at once: each answer is as it must be', async (t) => {
  const load = { seconds: 4, connections: 20, pauseMs: 40, seed: 1, log() {} }
  const { rows, tally } = await soak(t, load)
  t.same(tally.unexpected, [])
  t.ok(tally.total > 100, `${tally.total} operations`)
  t.ok(rows.every(({ heapUsed, redis }) => heapUsed > MB && redis > MB / 4))
})

t.test('the memory store holds what is alive, and nothing of what is over', async (t) => {
  const { tenths, heapBefore, heapAfter } = await beginMany(10_000, 10_000)
  const [full] = tenths.slice(-1)
  t.ok(full && full.heapUsed - heapBefore > 5 * MB, 'ten thousand alive')
  t.ok(heapAfter - heapBefore < MB, `${heapAfter - heapBefore} bytes left`)
})

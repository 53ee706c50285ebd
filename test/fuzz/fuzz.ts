import { randomInt } from 'node:crypto'
import { basename } from 'node:path'
import fc from 'fast-check'
import type { Test } from 'tap'

/** How many cases each property gets: a nightly run may ask for more. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 200)
/** The same cases again: a failure prints seed and path. */
const SEED = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))

/** A busy machine tries fewer of them, unless their number was asked for. */
const LIMIT_NS = process.env.FUZZ_RUNS === undefined ? 4_000_000_000n : 3_600_000_000_000n

let cases = 0

/**
 * Tries a property on many values: what it throws is a failure, which shrinks.
 * @param share how many of the cases, where each is dear
 */
export async function fuzz<T>(
  t: Test,
  values: fc.Arbitrary<T>,
  property: (value: T) => Promise<void>,
  share = 1
): Promise<void> {
  let tried = 0
  // Not by `Date`, which a test may have stopped.
  const endNs = process.hrtime.bigint() + LIMIT_NS
  const counted = async (value: T) => {
    if (process.hrtime.bigint() > endNs) return
    tried++
    await property(value)
  }
  const path = process.env.FUZZ_PATH
  const settings = { seed: SEED, numRuns: Math.ceil(RUNS * share), ...(path !== undefined && { path }) }
  await fc.assert(fc.asyncProperty(values, counted), settings)
  cases += tried
  t.pass(`${tried} cases, seed ${SEED}`)
}

process.on('exit', () => {
  if (cases > 0)
    process.stderr.write(`${basename(process.argv[1] ?? '')}: ${cases} cases, FUZZ_SEED=${SEED}\n`)
})

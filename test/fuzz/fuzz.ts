import { randomInt } from 'node:crypto'
import { basename } from 'node:path'
import fc from 'fast-check'
import type { Test } from 'tap'
import { effort } from '../support/effort.js'

/** The number of cases for each property. */
const RUNS = Number(process.env.FUZZ_RUNS ?? effort(60, 300))
/** The seed of the cases. A failure prints seed and path, which repeat it. */
const SEED = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))

let cases = 0

/**
 * Checks a property with many values. A property fails by throwing. The failing value is then reduced.
 * @param share the share of the cases, for slow properties
 */
export async function fuzz<T>(
  t: Test,
  values: fc.Arbitrary<T>,
  property: (value: T) => Promise<void>,
  share = 1
): Promise<void> {
  let count = 0
  const counted = async (value: T) => {
    count++
    await property(value)
  }
  const path = process.env.FUZZ_PATH
  const settings = { seed: SEED, numRuns: Math.ceil(RUNS * share), ...(path !== undefined && { path }) }
  await fc.assert(fc.asyncProperty(values, counted), settings)
  cases += count
  t.pass(`${count} cases, seed ${SEED}`)
}

process.on('exit', () => {
  if (cases > 0)
    process.stderr.write(`${basename(process.argv[1] ?? '')}: ${cases} cases, FUZZ_SEED=${SEED}\n`)
})

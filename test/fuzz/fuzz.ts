import { randomInt } from 'node:crypto'
import { basename } from 'node:path'
import fc from 'fast-check'
import type { Test } from 'tap'
import { effort } from '../support/effort.js'

/** How many cases each property gets: a nightly run may ask for more. */
const RUNS = Number(process.env.FUZZ_RUNS ?? effort(60, 300))
/** The same cases again: a failure prints seed and path. */
const SEED = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))

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
  const counted = async (value: T) => {
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

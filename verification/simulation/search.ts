import { type AttackOutcome, runAttack } from './attack-run.js'
import { attackWith, mutate, randomStrategy, type Strategy } from './attackers/strategy.js'
import type { ClientBehavior } from './client-device.js'
import { victimBehaviors } from './conditions.js'
import { Random, seedNameOf } from './random.js'
import type { Implementation } from './server.js'
import { HOUR, MINUTE } from './timeline.js'

const HORIZON_MS = 3 * HOUR
const FIRST_RUNS = 2
const MAX_BEST = 25

export interface SearchResult {
  strategy: Strategy
  /** How long the attacker had access, in minutes, on average over all attacks. */
  accessMinutes: number
  /** The share of attacks that were detected. */
  detected: number
  attacks: number
}

const { oneTab, mobile, fiveTabs } = victimBehaviors

/** Victims that sleep. No rule detects an attacker meanwhile. */
export const sleepingVictims: ClientBehavior[] = [oneTab, mobile, fiveTabs]

/** The same victims, but they never sleep. */
export const awakeVictims = sleepingVictims.map((behavior) => ({ ...behavior, sleep: null }))

/**
 * Searches for the strategy with the longest access.
 *
 * The first half of the tries are random strategies. The second half are small changes of the best ones so far. The best
 * ones are then run again with other seeds and more victims.
 *
 * @param victims one of each kind
 * @param finalRuns number of victims of each kind in the last step
 * @returns the best strategies, the best one first
 */
export async function search(
  implementation: Implementation,
  tries: number,
  seed: string,
  victims: ClientBehavior[] = awakeVictims,
  finalRuns = 40
): Promise<SearchResult[]> {
  const random = new Random(seed, seedNameOf(implementation))
  const run = (strategy: Strategy, runs: number, round: string) =>
    evaluate(implementation, strategy, victims, runs, `${seed} ${round}`)
  let best: SearchResult[] = []
  for (let i = 0; i < tries; i++) {
    const parent = best[Math.floor(random.next() * best.length)]
    const strategy = i < tries / 2 || !parent ? randomStrategy(random) : mutate(parent.strategy, random)
    best = sortByAccess([...best, await run(strategy, FIRST_RUNS, `first ${i}`)]).slice(0, MAX_BEST)
  }
  const results: SearchResult[] = []
  for (const { strategy } of best) results.push(await run(strategy, finalRuns, 'second'))
  return sortByAccess(results)
}

function sortByAccess(results: SearchResult[]): SearchResult[] {
  return results.sort((a, b) => b.accessMinutes - a.accessMinutes)
}

async function evaluate(
  implementation: Implementation,
  strategy: Strategy,
  behaviors: ClientBehavior[],
  runs: number,
  seed: string
): Promise<SearchResult> {
  const outcomes: AttackOutcome[] = []
  for (const [victim, behavior] of behaviors.entries()) {
    for (let run = 0; run < runs; run++) {
      const settings = { seed: `${seed} ${victim} ${run}`, horizonMs: HORIZON_MS }
      outcomes.push(
        await runAttack(implementation, behavior, (context) => attackWith(strategy, context), settings)
      )
    }
  }
  const attacks = outcomes.length
  const accessMs = outcomes.reduce((sum, outcome) => sum + outcome.accessMs, 0)
  const detected = outcomes.filter(({ detectedMs }) => detectedMs !== null).length
  return { strategy, accessMinutes: accessMs / attacks / MINUTE, detected: detected / attacks, attacks }
}

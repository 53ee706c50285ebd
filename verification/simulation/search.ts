import { type Outcome, rob } from './attack-run.js'
import { mutated, type Policy, playPolicy, randomPolicy } from './attackers/policy.js'
import type { Habits } from './browser.js'
import { everyCondition } from './conditions.js'
import { Random } from './random.js'
import type { Contestant } from './server.js'
import { HOUR, MINUTE } from './time.js'

const HORIZON_MS = 3 * HOUR
const FIRST_LOOK = 2
const SURVIVORS = 25

export interface Found {
  policy: Policy
  /** Over all victims and runs: how long the thief could use the API, in minutes. */
  accessMinutes: number
  /** The share of thefts that were found out. */
  foundOut: number
  thefts: number
}

/** None of them sleeps: whoever's victim sleeps has a free hand under any rule. */
function victims(): Habits[] {
  const { oneTab, mobile, fiveTabs } = everyCondition()
  return [oneTab, mobile, fiveTabs].map((habits) => ({ ...habits, sleep: null }))
}

/**
 * Looks for the thief with the longest access: policies at random, then the best of them changed a little,
 * again and again; at last the best once more, with other seeds and more victims.
 * @param secondLook how many of each kind of victim
 */
export async function search(
  contestant: Contestant,
  tries: number,
  seed: string,
  secondLook = 40
): Promise<Found[]> {
  const random = new Random(seed, contestant.name)
  const habits = victims()
  const look = (policy: Policy, runs: number, of: string) =>
    judge(contestant, policy, habits, runs, `${seed} ${of}`)
  let best: Found[] = []
  for (let i = 0; i < tries; i++) {
    const parent = best[Math.floor(random.next() * best.length)]
    const policy = i < tries / 2 || !parent ? randomPolicy(random) : mutated(parent.policy, random)
    best = longestFirst([...best, await look(policy, FIRST_LOOK, `first ${i}`)]).slice(0, SURVIVORS)
  }
  const again: Found[] = []
  for (const { policy } of best) again.push(await look(policy, secondLook, 'second'))
  return longestFirst(again)
}

function longestFirst(found: Found[]): Found[] {
  return found.sort((a, b) => b.accessMinutes - a.accessMinutes)
}

async function judge(
  contestant: Contestant,
  policy: Policy,
  habits: Habits[],
  runs: number,
  seed: string
): Promise<Found> {
  const outcomes: Outcome[] = []
  for (const [which, victim] of habits.entries()) {
    for (let run = 0; run < runs; run++) {
      const at = { seed: `${seed} ${which} ${run}`, horizonMs: HORIZON_MS }
      outcomes.push(await rob(contestant, victim, (loot) => playPolicy(policy, loot), at))
    }
  }
  const thefts = outcomes.length
  const accessMs = outcomes.reduce((sum, outcome) => sum + outcome.accessMs, 0)
  const foundOut = outcomes.filter(({ foundOutMs }) => foundOutMs !== null).length
  return { policy, accessMinutes: accessMs / thefts / MINUTE, foundOut: foundOut / thefts, thefts }
}

import { leeway, parentAlwaysFine, strict } from './rules/looked-up.js'
import { ours } from './rules/ours.js'
import { type Changes, changed } from './rules/proposals.js'
import { realService } from './rules/real-service.js'
import { contestantOf } from './rules/rule.js'
import type { Contestant } from './server.js'
import { SECOND } from './time.js'

export const W_MS = 30 * SECOND

export interface Column {
  contestant: Contestant
  /** The share of users or thefts that it is run with: the real service takes its time. */
  share: number
}

const COPIES_REST: Changes = { restsFromLastCopy: true }
const STRAGGLERS: Changes = { ...COPIES_REST, stragglersUntil: 3 }

const copiesRest = () => contestantOf(changed(W_MS, COPIES_REST, 'proposal A, W 30 s'))
const stragglers = () => contestantOf(changed(W_MS, STRAGGLERS, 'proposal B, W 30 s'))

export async function columns(): Promise<Column[]> {
  const rules = [
    contestantOf(strict),
    contestantOf(leeway(W_MS)),
    contestantOf(parentAlwaysFine(W_MS)),
    contestantOf(ours(15 * SECOND)),
    contestantOf(ours(60 * SECOND)),
    copiesRest(),
    stragglers()
  ].map((contestant) => ({ contestant, share: 1 }))
  const real = { contestant: await realService(W_MS), share: 0.25 }
  return [...rules.slice(0, 4), real, ...rules.slice(4)]
}

/** What the search is set upon: ours, what is proposed, and two rules that it has to beat to be worth anything. */
export function searched(): Contestant[] {
  return [
    contestantOf(leeway(W_MS)),
    contestantOf(parentAlwaysFine(W_MS)),
    contestantOf(ours(W_MS)),
    copiesRest(),
    stragglers()
  ]
}

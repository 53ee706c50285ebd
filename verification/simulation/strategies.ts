import { leeway, parentAlwaysFine, strict } from './rules/published-rules.js'
import { realService } from './rules/real-service.js'
import { contestantOf } from './rules/rule.js'
import { type Variant, variant } from './rules/variants.js'
import type { Contestant } from './server.js'
import { SECOND } from './time.js'

const W_MS = 30 * SECOND

export interface Column {
  contestant: Contestant
  /** The share of users or thefts that it is run with: the real service takes its time. */
  share: number
}

const MINTING: Variant = { restsFrom: 'minting', stragglersUntil: 0 }
const LAST_COPY: Variant = { restsFrom: 'last copy', stragglersUntil: 0 }
const STRAGGLERS: Variant = { restsFrom: 'last copy', stragglersUntil: 3 }

export const fromMinting = (graceMs = W_MS) =>
  contestantOf(variant(`rests from minting, W ${graceMs / SECOND} s`, graceMs, MINTING))
export const fromLastCopy = (graceMs = W_MS) =>
  contestantOf(variant(`A, W ${graceMs / SECOND} s`, graceMs, LAST_COPY))
export const stragglers = (graceMs = W_MS) =>
  contestantOf(variant(`B, W ${graceMs / SECOND} s`, graceMs, STRAGGLERS))

/** @param named those whose name it matches */
export async function columns(named: RegExp): Promise<Column[]> {
  const rules = [
    contestantOf(strict),
    contestantOf(leeway(W_MS)),
    contestantOf(parentAlwaysFine(W_MS)),
    fromMinting(15 * SECOND),
    fromMinting(),
    fromMinting(60 * SECOND),
    fromLastCopy(),
    stragglers()
  ].map((contestant) => ({ contestant, share: 1 }))
  const real = { contestant: await realService(W_MS), share: 0.25 }
  return [...rules, real].filter(({ contestant }) => named.test(contestant.name))
}

/** What the search is set upon: ours, and two rules that it has to beat to be worth anything. */
export function searched(named: RegExp): Contestant[] {
  const rules = [contestantOf(leeway(W_MS)), contestantOf(parentAlwaysFine(W_MS))]
  return [...rules, fromMinting(), fromLastCopy(), stragglers()].filter(({ name }) => named.test(name))
}

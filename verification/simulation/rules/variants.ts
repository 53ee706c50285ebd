import {
  confirm,
  evaluate,
  rotate as nextGeneration,
  type Rotation
} from '../../../lib/store/rotation-rule.js'
import type { Rule, Verdict } from './rule.js'
import { ours } from './this-plugin.js'

/** Ours, with some of its decisions made another way, to see what comes of it. */
export interface Variant {
  /**
   * Row 3: since when an unconfirmed generation rests. From its minting: who holds another copy can rotate
   * it away before the client that has just got one confirms. From its last copy: he cannot.
   */
  restsFrom: 'minting' | 'last copy'
  /**
   * Row 8: a parent that comes after the grace, but before so many graces after the confirmation, is a
   * straggler, and told to try again (503). It gets no token, so that a thief gains nothing; an honest
   * client tries again with what its jar holds by then. 0: it is reuse.
   */
  stragglersUntil: number
}

export function variant(
  name: string,
  graceMs: number,
  { restsFrom, stragglersUntil }: Variant
): Rule<Rotation> {
  const rule = ours(graceMs)
  const graceUs = graceMs * 1000
  const presentedAs = { graceUs, untilConfirmed: true, rollback: 'accept-one' } as const
  return {
    ...rule,
    name,
    refresh(rotation, token, nowMs) {
      const nowUs = nowMs * 1000
      if (token.gen === rotation.gen) {
        const sinceUs = restsSince(rotation, restsFrom)
        const rests = sinceUs !== null && nowUs - sinceUs < 3 * graceUs
        return rests ? replay(rotation, token, nowUs) : rotate(rotation, token, nowUs)
      }
      const row = evaluate(rotation, { ...token, ...presentedAs }, nowUs)
      const isStraggler = row === 8 && isParent(rotation, token.gen, nowUs, stragglersUntil * graceUs)
      if (isStraggler) return { state: rotation, verdict: { kind: 'try again' } }
      return rule.refresh(rotation, token, nowMs)
    }
  }
}

interface Copy {
  gen: number
  issuedUs: number
}

/** A login's generation never rests. */
function restsSince({ createdUs, issuedUs, current }: Rotation, from: Variant['restsFrom']): number | null {
  const { issuedAtUs, confirmedAtUs } = current
  if (issuedAtUs === null) return null
  return confirmedAtUs ?? (from === 'minting' ? issuedAtUs : createdUs + issuedUs)
}

function replay(rotation: Rotation, { gen, issuedUs }: Copy, nowUs: number) {
  const verdict: Verdict = { kind: 'tokens', gen, issuedUs, same: true }
  return { state: confirm(rotation, nowUs), verdict }
}

function rotate(rotation: Rotation, { gen, issuedUs }: Copy, nowUs: number) {
  const state = nextGeneration(rotation, { gen, issuedUs, idempotencyKey: '' }, 4, nowUs)
  const verdict: Verdict = { kind: 'tokens', gen: state.gen, issuedUs: state.issuedUs, same: false }
  return { state, verdict }
}

function isParent({ gen, current }: Rotation, presented: number, nowUs: number, spanUs: number): boolean {
  return presented === gen - 1 && current.confirmedAtUs !== null && nowUs - current.confirmedAtUs < spanUs
}

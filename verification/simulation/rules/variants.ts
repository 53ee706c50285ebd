import {
  confirm,
  evaluate,
  rotate as nextGeneration,
  type Rotation
} from '../../../lib/store/rotation-rule.js'
import type { Decision, Rule } from './rule.js'
import { thisPlugin } from './this-plugin.js'

/** A variant of the plugin's rule. */
export interface Variant {
  /**
   * Row 3: when the cooldown of an unconfirmed generation starts.
   *
   * From `issuance`, the holder of another copy can rotate the generation before a client that just got a copy confirms
   * it. From the `last copy`, this is not possible.
   */
  cooldownFrom: 'issuance' | 'last copy'
  /**
   * Row 8: a late parent gets 503 until this number of grace periods after the confirmation.
   *
   * It gets no token, so that an attacker gains nothing. An honest client retries with the current content of its cookie
   * jar. 0: a late parent is reuse.
   */
  retryGraces: number
}

export function variant(
  name: string,
  graceMs: number,
  { cooldownFrom, retryGraces }: Variant
): Rule<Rotation> {
  const rule = thisPlugin(graceMs)
  const graceUs = graceMs * 1000
  const settings = { graceUs, untilConfirmed: true, rollback: 'accept-one' } as const
  return {
    ...rule,
    name,
    refresh(rotation, token, nowMs) {
      const nowUs = nowMs * 1000
      if (token.gen === rotation.gen) {
        const startUs = cooldownStart(rotation, cooldownFrom)
        const isInCooldown = startUs !== null && nowUs - startUs < 3 * graceUs
        return isInCooldown ? replay(rotation, token, nowUs) : rotate(rotation, token, nowUs)
      }
      const row = evaluate(rotation, { ...token, ...settings }, nowUs)
      const isLateParent = row === 8 && isParent(rotation, token.gen, nowUs, retryGraces * graceUs)
      if (isLateParent) return { state: rotation, decision: { kind: 'retry' } }
      return rule.refresh(rotation, token, nowMs)
    }
  }
}

interface Copy {
  gen: number
  issuedUs: number
}

/** Returns `null` for the first generation, which has no cooldown. */
function cooldownStart(
  { createdUs, issuedUs, current }: Rotation,
  from: Variant['cooldownFrom']
): number | null {
  const { issuedAtUs, confirmedAtUs } = current
  if (issuedAtUs === null) return null
  return confirmedAtUs ?? (from === 'issuance' ? issuedAtUs : createdUs + issuedUs)
}

function replay(rotation: Rotation, { gen, issuedUs }: Copy, nowUs: number) {
  const decision: Decision = { kind: 'tokens', gen, issuedUs, isUnchanged: true }
  return { state: confirm(rotation, nowUs), decision }
}

function rotate(rotation: Rotation, { gen, issuedUs }: Copy, nowUs: number) {
  const state = nextGeneration(rotation, { gen, issuedUs, idempotencyKey: '' }, 4, nowUs)
  const decision: Decision = {
    kind: 'tokens',
    gen: state.gen,
    issuedUs: state.issuedUs,
    isUnchanged: false
  }
  return { state, decision }
}

/** Returns whether the generation is the parent, within this time after the confirmation of its successor. */
function isParent({ gen, current }: Rotation, presented: number, nowUs: number, withinUs: number): boolean {
  return presented === gen - 1 && current.confirmedAtUs !== null && nowUs - current.confirmedAtUs < withinUs
}

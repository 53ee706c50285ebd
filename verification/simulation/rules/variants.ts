import { confirm, rotate as nextGeneration, type Rotation } from '../../../lib/store/rotation-rule.js'
import type { Decision, Rule } from './rule.js'
import { thisPlugin } from './this-plugin.js'

/**
 * Row 3: when the cooldown of an unconfirmed generation starts.
 *
 * From `issuance`, the holder of another copy can rotate the generation before a client that just got a copy confirms it.
 * From the `last copy`, this is not possible.
 */
type CooldownStart = 'issuance' | 'last copy'

/** Returns the rule of the plugin as it was before: row 7 has no conflict, so that a late token is reuse. */
export function withoutConflict(name: string, graceMs: number, cooldownFrom: CooldownStart): Rule<Rotation> {
  const rule = thisPlugin(graceMs)
  return {
    ...rule,
    name,
    refresh(rotation, token, nowMs) {
      const nowUs = nowMs * 1000
      if (token.gen === rotation.gen) {
        const startUs = cooldownStart(rotation, cooldownFrom)
        const isInCooldown = startUs !== null && nowUs - startUs < 3 * graceMs * 1000
        return isInCooldown ? replay(rotation, token, nowUs) : rotate(rotation, token, nowUs)
      }
      const result = rule.refresh(rotation, token, nowMs)
      const isConflict = result.decision.kind === 'retry'
      return isConflict ? { state: rotation, decision: { kind: 'reuse' } } : result
    }
  }
}

interface Copy {
  gen: number
  issuedUs: number
}

/** Returns `null` for the first generation, which has no cooldown. */
function cooldownStart({ createdUs, issuedUs, current }: Rotation, from: CooldownStart): number | null {
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

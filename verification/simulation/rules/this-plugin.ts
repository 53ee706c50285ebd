import {
  confirm,
  conflictUs,
  evaluate,
  initialState,
  type Rotation,
  reissue,
  rotate
} from '../../../lib/store/rotation-rule.js'
import { ACCESS_TTL_MS } from '../server.js'
import type { Decision, Rule } from './rule.js'

/**
 * The rule of this plugin alone: the functions that the memory store calls, without service and signatures.
 *
 * @param isBound whether the session is bound to a key. All parties have the key
 */
export function thisPlugin(graceMs: number, isBound = false): Rule<Rotation> {
  return {
    name: `${isBound ? 'bound session' : 'this plugin'}, grace ${graceMs / 1000} s, the rule alone`,
    initialState: (nowMs) => initialState(nowMs * 1000),
    confirm: (rotation, gen, nowMs) => (gen === rotation.gen ? confirm(rotation, nowMs * 1000) : rotation),
    refresh(rotation, { gen, issuedUs }, nowMs) {
      const nowUs = nowMs * 1000
      const presented = {
        gen,
        issuedUs,
        graceUs: graceMs * 1000,
        accessTtlUs: isBound ? ACCESS_TTL_MS * 1000 : undefined,
        untilConfirmed: true,
        rollback: 'accept-one' as const
      }
      const row = evaluate(rotation, presented, nowUs)
      switch (row) {
        case 3:
          return { state: confirm(rotation, nowUs), decision: tokens(gen, issuedUs, true) }
        case 6:
        case 7: {
          if (conflictUs(rotation, presented, nowUs) > 0)
            return { state: rotation, decision: { kind: 'retry' } }
          const state = reissue(rotation, presented, row, nowUs)
          return { state, decision: tokens(state.gen, state.issuedUs, false) }
        }
        case 4:
        case 9: {
          const state = rotate(rotation, { gen, issuedUs, idempotencyKey: '' }, row, nowUs)
          return { state, decision: tokens(state.gen, state.issuedUs, false) }
        }
        default:
          return { state: rotation, decision: { kind: 'reuse' } }
      }
    }
  }
}

function tokens(gen: number, issuedUs: number, isUnchanged: boolean): Decision {
  return { kind: 'tokens', gen, issuedUs, isUnchanged }
}

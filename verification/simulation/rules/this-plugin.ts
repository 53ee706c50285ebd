import {
  confirm,
  evaluate,
  initialState,
  type Rotation,
  reissue,
  rotate
} from '../../../lib/store/rotation-rule.js'
import type { Rule, Verdict } from './rule.js'

/** Ours without service, store and signatures: the same functions that the memory store calls. */
export function ours(graceMs: number): Rule<Rotation> {
  return {
    name: `ours, W ${graceMs / 1000} s, the rule alone`,
    begin: (nowMs) => initialState(nowMs * 1000),
    confirm: (rotation, gen, nowMs) => (gen === rotation.gen ? confirm(rotation, nowMs * 1000) : rotation),
    refresh(rotation, { gen, issuedUs }, nowMs) {
      const nowUs = nowMs * 1000
      const presented = {
        gen,
        issuedUs,
        graceUs: graceMs * 1000,
        untilConfirmed: true,
        rollback: 'accept-one' as const
      }
      const row = evaluate(rotation, presented, nowUs)
      switch (row) {
        case 3:
          return { state: confirm(rotation, nowUs), verdict: tokens(gen, issuedUs, true) }
        case 6:
        case 7: {
          const state = reissue(rotation, nowUs)
          return { state, verdict: tokens(state.gen, state.issuedUs, false) }
        }
        case 4:
        case 9: {
          const state = rotate(rotation, { gen, issuedUs, idempotencyKey: '' }, row, nowUs)
          return { state, verdict: tokens(state.gen, state.issuedUs, false) }
        }
        default:
          return { state: rotation, verdict: { kind: 'reuse' } }
      }
    }
  }
}

function tokens(gen: number, issuedUs: number, same: boolean): Verdict {
  return { kind: 'tokens', gen, issuedUs, same }
}

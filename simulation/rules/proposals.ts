import { confirmed, judge, type Rotation } from '../../lib/store/rotation-rule.js'
import { ours } from './ours.js'
import type { Rule } from './rule.js'

/** What could be changed about ours, to see what comes of it. */
export interface Changes {
  /**
   * Row 3: an unconfirmed generation rests from its last copy on, not from its minting: who holds another
   * copy cannot rotate it away before the client that has just got one confirms.
   */
  restsFromLastCopy?: boolean
  /**
   * Row 8: a parent that comes after the grace, and before so many graces after the confirmation, is a
   * straggler and told to try again (503). It gets no token, so that a thief gains nothing; an honest
   * client tries again with what its jar holds by then.
   */
  stragglersUntil?: number
}

export function changed(graceMs: number, changes: Changes, name: string): Rule<Rotation> {
  const rule = ours(graceMs)
  const graceUs = graceMs * 1000
  const presentedAs = { graceUs, untilConfirmed: true, rollback: 'adopt-one' } as const
  return {
    ...rule,
    name,
    refresh(rotation, token, nowMs) {
      const nowUs = nowMs * 1000
      const row = judge(rotation, { ...token, ...presentedAs }, nowUs)
      if (row === 4 && changes.restsFromLastCopy && isFresh(rotation, nowUs, 3 * graceUs)) {
        const verdict = { kind: 'tokens', gen: token.gen, issuedUs: token.issuedUs, same: true } as const
        return { state: confirmed(rotation, nowUs), verdict }
      }
      if (row === 8 && isStraggler(rotation, token.gen, nowUs, (changes.stragglersUntil ?? 0) * graceUs)) {
        return { state: rotation, verdict: { kind: 'try again' } }
      }
      return rule.refresh(rotation, token, nowMs)
    }
  }
}

/** Unconfirmed, and its last copy is young. A login's generation never rests. */
function isFresh({ createdUs, issuedUs, current }: Rotation, nowUs: number, spanUs: number): boolean {
  return current.mintedUs !== null && current.confirmedUs === null && nowUs - (createdUs + issuedUs) < spanUs
}

function isStraggler({ gen, current }: Rotation, presented: number, nowUs: number, spanUs: number): boolean {
  return presented === gen - 1 && current.confirmedUs !== null && nowUs - current.confirmedUs < spanUs
}

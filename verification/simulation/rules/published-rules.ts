import type { RefreshToken } from '../server.js'
import type { Decision, Rule } from './rule.js'

/**
 * The state of common rules that look tokens up in a table.
 *
 * They record when a token was retired, and not whether the client received its successor. A token that the store lost is
 * unknown.
 */
interface TokenTable {
  gen: number
  /** When each of the last generations was issued. */
  issuedAtMs: readonly number[]
}

const MAX_GENERATIONS = 64

/** @param isAccepted whether a retired token is answered with the active one */
function tokenTableRule(
  name: string,
  isAccepted: (table: TokenTable, token: RefreshToken, nowMs: number) => boolean,
  seedName = name
): Rule<TokenTable> {
  return {
    name,
    seedName,
    initialState: (nowMs) => ({ gen: 1, issuedAtMs: [nowMs] }),
    confirm: (table) => table,
    refresh(table, token, nowMs) {
      if (token.gen > table.gen) return { state: table, decision: { kind: 'unknown' } }
      if (token.gen === table.gen) {
        const issuedAtMs = [...table.issuedAtMs, nowMs].slice(-MAX_GENERATIONS)
        return { state: { gen: table.gen + 1, issuedAtMs }, decision: activeToken(table.gen + 1) }
      }
      return {
        state: table,
        decision: isAccepted(table, token, nowMs) ? activeToken(table.gen) : { kind: 'reuse' }
      }
    }
  }
}

function activeToken(gen: number): Decision {
  return { kind: 'tokens', gen, issuedUs: 0, isUnchanged: false }
}

/** Returns when the successor of the token was issued. */
function retiredAtMs({ gen, issuedAtMs }: TokenTable, token: RefreshToken): number {
  return issuedAtMs.at(token.gen - gen) ?? Number.NEGATIVE_INFINITY
}

/** RFC 9700, section 4.14.2, without a leeway: each retired token is reuse. */
export const strict = tokenTableRule('strict', () => false)

/** Accepts a retired token for `graceMs` after its successor was issued. */
export function leeway(graceMs: number): Rule<TokenTable> {
  return tokenTableRule(
    'leeway from issuance',
    (table, token, nowMs) => nowMs - retiredAtMs(table, token) < graceMs,
    'leeway from minting'
  )
}

/** Accepts a retired token as `leeway` does, and the parent of the active token at any time. */
export function parentAlwaysAccepted(graceMs: number): Rule<TokenTable> {
  return tokenTableRule(
    'parent always accepted',
    (table, token, nowMs) => token.gen === table.gen - 1 || nowMs - retiredAtMs(table, token) < graceMs,
    'parent always fine'
  )
}

import type { Token } from '../server.js'
import type { Rule, Verdict } from './rule.js'

/**
 * The usual rules: tokens are rows of a table, and a retired one knows since when. Nobody asks whether the
 * client got its successor. A token that the store has lost is unknown.
 */
interface Family {
  gen: number
  /** When each of the last generations was minted. */
  mintedMs: readonly number[]
}

const REMEMBERED = 64

/** @param pardons whether a retired token is answered with the active one */
function lookedUp(
  name: string,
  pardons: (family: Family, token: Token, nowMs: number) => boolean
): Rule<Family> {
  return {
    name,
    begin: (nowMs) => ({ gen: 1, mintedMs: [nowMs] }),
    confirm: (family) => family,
    refresh(family, token, nowMs) {
      if (token.gen > family.gen) return { state: family, verdict: { kind: 'gone' } }
      if (token.gen === family.gen) {
        const mintedMs = [...family.mintedMs, nowMs].slice(-REMEMBERED)
        return { state: { gen: family.gen + 1, mintedMs }, verdict: active(family.gen + 1) }
      }
      return {
        state: family,
        verdict: pardons(family, token, nowMs) ? active(family.gen) : { kind: 'reuse' }
      }
    }
  }
}

function active(gen: number): Verdict {
  return { kind: 'tokens', gen, issuedUs: 0, same: false }
}

/** When the successor of a generation was minted. */
function retiredMs({ gen, mintedMs }: Family, token: Token): number {
  return mintedMs.at(token.gen - gen) ?? Number.NEGATIVE_INFINITY
}

/** RFC 9700 section 4.14.2 to the letter: a retired token is theft. */
export const strict = lookedUp('strict', () => false)

/** A retired token is answered with the active one for a while after its successor was minted. */
export function leeway(graceMs: number): Rule<Family> {
  return lookedUp('leeway from minting', (family, token, nowMs) => nowMs - retiredMs(family, token) < graceMs)
}

/** The same, and the parent of the active token is fine however late it comes. */
export function parentAlwaysFine(graceMs: number): Rule<Family> {
  return lookedUp(
    'parent always fine',
    (family, token, nowMs) => token.gen === family.gen - 1 || nowMs - retiredMs(family, token) < graceMs
  )
}

import type { Rotation } from '../../lib/store/rotation-rule.js'
import { leeway, parentAlwaysAccepted, strict } from './rules/published-rules.js'
import { implement, type Rule } from './rules/rule.js'
import { sessionService } from './rules/session-service.js'
import { thisPlugin } from './rules/this-plugin.js'
import { withoutConflict } from './rules/variants.js'
import type { Implementation } from './server.js'
import { SECOND } from './timeline.js'

const GRACE_MS = 30 * SECOND

/** A column of the tables. */
export interface Column {
  implementation: Implementation
  /** The share of users or attacks that are simulated. The session service is slow and has a smaller share. */
  share: number
}

const withSeedName = (rule: Rule<Rotation>, seedName: string, graceMs: number) =>
  implement({ ...rule, seedName: `${seedName}, W ${graceMs / SECOND} s` })

export function cooldownFromIssuance(graceMs = GRACE_MS): Implementation {
  const name = `cooldown from issuance, grace ${graceMs / SECOND} s`
  return withSeedName(withoutConflict(name, graceMs, 'issuance'), 'rests from minting', graceMs)
}

export function noConflict(graceMs = GRACE_MS): Implementation {
  const name = `no conflict, grace ${graceMs / SECOND} s`
  return withSeedName(withoutConflict(name, graceMs, 'last copy'), 'A', graceMs)
}

export const ruleAlone = (graceMs = GRACE_MS) => withSeedName(thisPlugin(graceMs), 'B', graceMs)

/** The rule for a session that is bound to a key. The attackers have the key as well. */
export const boundSession = (graceMs = GRACE_MS) => withSeedName(thisPlugin(graceMs, true), 'B', graceMs)

/** Returns the columns of the tables whose names match. */
export async function columnsOf(pattern: RegExp): Promise<Column[]> {
  const rules = [
    implement(strict),
    implement(leeway(GRACE_MS)),
    implement(parentAlwaysAccepted(GRACE_MS)),
    cooldownFromIssuance(15 * SECOND),
    cooldownFromIssuance(),
    cooldownFromIssuance(60 * SECOND),
    noConflict(),
    ruleAlone(),
    boundSession()
  ].map((implementation) => ({ implementation, share: 1 }))
  const services = [
    await sessionService(GRACE_MS),
    await sessionService(GRACE_MS, { name: 'bound session, grace 30 s', attackerHasKey: true }),
    await sessionService(GRACE_MS, { name: 'bound session, attacker without the key', attackerHasKey: false })
  ].map((implementation) => ({ implementation, share: 0.25 }))
  return [...rules, ...services].filter(({ implementation }) => pattern.test(implementation.name))
}

/** Returns the rules that the search attacks and whose names match: that of the plugin, variants of it, and two others. */
export function searchedRules(pattern: RegExp): Implementation[] {
  const common = [implement(leeway(GRACE_MS)), implement(parentAlwaysAccepted(GRACE_MS))]
  return [...common, cooldownFromIssuance(), noConflict(), ruleAlone(), boundSession()].filter(({ name }) =>
    pattern.test(name)
  )
}

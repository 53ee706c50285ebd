import { leeway, parentAlwaysAccepted, strict } from './rules/published-rules.js'
import { implement } from './rules/rule.js'
import { sessionService } from './rules/session-service.js'
import { type Variant, variant } from './rules/variants.js'
import type { Implementation } from './server.js'
import { SECOND } from './timeline.js'

const GRACE_MS = 30 * SECOND

/** A column of the tables. */
export interface Column {
  implementation: Implementation
  /** The share of users or attacks that are simulated. The session service is slow and has a smaller share. */
  share: number
}

const FROM_ISSUANCE: Variant = { cooldownFrom: 'issuance', retryGraces: 0 }
const VARIANT_A: Variant = { cooldownFrom: 'last copy', retryGraces: 0 }
const VARIANT_B: Variant = { cooldownFrom: 'last copy', retryGraces: 3 }

function implementVariant(name: string, seedName: string, graceMs: number, settings: Variant) {
  const seconds = graceMs / SECOND
  const rule = variant(`${name}, grace ${seconds} s`, graceMs, settings)
  return implement({ ...rule, seedName: `${seedName}, W ${seconds} s` })
}

export const cooldownFromIssuance = (graceMs = GRACE_MS) =>
  implementVariant('cooldown from issuance', 'rests from minting', graceMs, FROM_ISSUANCE)
export const variantA = (graceMs = GRACE_MS) => implementVariant('A', 'A', graceMs, VARIANT_A)
export const variantB = (graceMs = GRACE_MS) => implementVariant('B', 'B', graceMs, VARIANT_B)

/** Returns the columns of the tables whose names match. */
export async function columnsOf(pattern: RegExp): Promise<Column[]> {
  const rules = [
    implement(strict),
    implement(leeway(GRACE_MS)),
    implement(parentAlwaysAccepted(GRACE_MS)),
    cooldownFromIssuance(15 * SECOND),
    cooldownFromIssuance(),
    cooldownFromIssuance(60 * SECOND),
    variantA(),
    variantB()
  ].map((implementation) => ({ implementation, share: 1 }))
  const service = { implementation: await sessionService(GRACE_MS), share: 0.25 }
  return [...rules, service].filter(({ implementation }) => pattern.test(implementation.name))
}

/** Returns the rules that the search attacks and whose names match: the plugin's variants, and two common rules. */
export function searchedRules(pattern: RegExp): Implementation[] {
  const common = [implement(leeway(GRACE_MS)), implement(parentAlwaysAccepted(GRACE_MS))]
  return [...common, cooldownFromIssuance(), variantA(), variantB()].filter(({ name }) => pattern.test(name))
}

import type { Presented, Rotation } from '../../lib/store/rotation-rule.js'
import { type Rule, realRule } from './rule.js'

type Evaluate = Rule['evaluate']

/**
 * The cooldown of an unconfirmed generation starts when its last copy is issued, because the response with that copy may
 * still be in transit.
 *
 * Each broken rule differs from this rule in one point.
 */
export const cooldownFromLastCopy: Rule = {
  ...realRule,
  evaluate(rotation, presented, nowUs) {
    const { gen, createdUs, issuedUs, current } = rotation
    if (presented.gen !== gen || current.issuedAtUs === null)
      return realRule.evaluate(rotation, presented, nowUs)
    const since = current.confirmedAtUs ?? Math.max(current.issuedAtUs, Math.min(createdUs + issuedUs, nowUs))
    return isWithin(3 * presented.graceUs, since, nowUs) ? 3 : 4
  }
}

const evaluateUnbroken = cooldownFromLastCopy.evaluate

/** Returns the rule with another `evaluate`. */
function withEvaluate(evaluate: Evaluate): Rule {
  return { ...cooldownFromLastCopy, evaluate }
}

function isWithin(spanUs: number, sinceUs: number | null, nowUs: number): boolean {
  return sinceUs !== null && nowUs - sinceUs < spanUs
}

/**
 * Returns the rule with another cooldown.
 *
 * @param unconfirmed when the cooldown of an unconfirmed generation starts
 */
function withCooldown(graces: number, unconfirmed: (rotation: Rotation) => number | null): Rule {
  return withEvaluate((rotation, presented, nowUs) => {
    if (presented.gen !== rotation.gen) return evaluateUnbroken(rotation, presented, nowUs)
    const { issuedAtUs, confirmedAtUs } = rotation.current
    const since = confirmedAtUs ?? unconfirmed(rotation)
    return issuedAtUs !== null && isWithin(graces * presented.graceUs, since, nowUs) ? 3 : 4
  })
}

const issuedAt = (rotation: Rotation) => rotation.current.issuedAtUs
const lastCopyAt = ({ createdUs, issuedUs }: Rotation) => createdUs + issuedUs

/** Returns the rule with another condition of row 5. */
function withRow5(isReuse: (rotation: Rotation, presented: Presented) => boolean): Rule {
  return withEvaluate((rotation, presented, nowUs) => {
    const behind = rotation.gen - presented.gen
    if ((behind === 1 || behind === 2) && isReuse(rotation, presented)) return 5
    // Presents the copy that was rotated, so that row 5 of the correct rule does not match.
    const { issuedAtUs, rotatedFromUs } = behind === 1 ? rotation.current : rotation.previous
    const same =
      issuedAtUs !== null && rotatedFromUs !== null ? { ...presented, issuedUs: rotatedFromUs } : presented
    return behind > 0 ? evaluateUnbroken(rotation, same, nowUs) : evaluateUnbroken(rotation, presented, nowUs)
  })
}

function ageAtRetirement(rotation: Rotation, { gen, issuedUs }: Presented): number {
  const { issuedAtUs } = gen === rotation.gen - 1 ? rotation.current : rotation.previous
  return issuedAtUs === null ? Number.NEGATIVE_INFINITY : issuedAtUs - (rotation.createdUs + issuedUs)
}

function isOtherCopy(rotation: Rotation, { gen, issuedUs }: Presented): boolean {
  return (gen === rotation.gen - 1 ? rotation.current : rotation.previous).rotatedFromUs !== issuedUs
}

function withReplay(
  isReplayed: (rotation: Rotation, presented: Presented, nowUs: number) => boolean,
  row: 6 | 7
) {
  return withEvaluate((rotation, presented, nowUs) => {
    const actualRow = evaluateUnbroken(rotation, presented, nowUs)
    return actualRow === row && !isReplayed(rotation, presented, nowUs) ? 8 : actualRow
  })
}

export const brokenRules = {
  noCooldown: withCooldown(0, lastCopyAt),
  cooldownOfOneGrace: withCooldown(1, lastCopyAt),
  cooldownOfTwoGraces: withCooldown(2, lastCopyAt),
  cooldownFromIssuance: withCooldown(3, issuedAt),
  noRow5: withRow5(() => false),
  row5AfterOneGrace: withRow5((r, p) => isOtherCopy(r, p) && ageAtRetirement(r, p) >= p.graceUs),
  row5ForRotatedCopy: withRow5((r, p) => ageAtRetirement(r, p) >= 2 * p.graceUs),
  noRow6: withReplay(() => false, 6),
  noRow7: withReplay(() => false, 7),
  row7FromIssuance: withReplay(
    ({ gen, current, previous }, p, nowUs) =>
      isWithin(p.graceUs, (p.gen === gen - 1 ? current : previous).issuedAtUs, nowUs),
    7
  ),
  row7ForParentOnly: withReplay(({ gen }, p) => p.gen === gen - 1, 7),
  noConflict: {
    ...withReplay((rotation, p, nowUs) => realRule.conflictUs(rotation, p, nowUs) === 0, 7),
    conflictUs: () => 0
  },
  conflictForReuse: {
    ...withEvaluate((rotation, presented, nowUs) => {
      const actualRow = evaluateUnbroken(rotation, presented, nowUs)
      return actualRow === 8 ? 7 : actualRow
    }),
    conflictUs: (rotation: Rotation, presented: Presented, nowUs: number) =>
      realRule.evaluate(rotation, presented, nowUs) === 8
        ? 1
        : realRule.conflictUs(rotation, presented, nowUs)
  },
  parentAlwaysAccepted: {
    ...withEvaluate((rotation, presented, nowUs) => {
      const actualRow = evaluateUnbroken(rotation, presented, nowUs)
      return (actualRow === 5 || actualRow === 8) && presented.gen === rotation.gen - 1 ? 7 : actualRow
    }),
    conflictUs: () => 0
  },
  strict: withEvaluate((rotation, presented) => (presented.gen === rotation.gen ? 4 : 8)),
  copiesWithSameTime: {
    ...cooldownFromLastCopy,
    reissue: (rotation: Rotation, _presented: Presented, _row: 6 | 7, nowUs: number) => ({
      ...rotation,
      issuedUs: nowUs - rotation.createdUs
    })
  },
  noRow9: withEvaluate((rotation, presented, nowUs) => {
    const actualRow = evaluateUnbroken(rotation, presented, nowUs)
    return actualRow === 9 ? 10 : actualRow
  })
} satisfies Record<string, Rule>

import type { Presented, Rotation } from '../../lib/store/rotation-rule.js'
import { type Rule, realRule } from './rule.js'

type Judge = Rule['evaluate']

/**
 * While a generation is not confirmed, it rests since its last copy was issued: the answer with that copy may be on
 * its way still. The others are broken in one thing each, and are as this one in all else.
 */
export const restSinceTheLastCopy: Rule = {
  ...realRule,
  evaluate(rotation, presented, nowUs) {
    const { gen, createdUs, issuedUs, current } = rotation
    if (presented.gen !== gen || current.issuedAtUs === null)
      return realRule.evaluate(rotation, presented, nowUs)
    const since = current.confirmedAtUs ?? Math.max(current.issuedAtUs, Math.min(createdUs + issuedUs, nowUs))
    return isWithin(3 * presented.graceUs, since, nowUs) ? 3 : 4
  }
}

const right = restSinceTheLastCopy.evaluate

/** The rule, but for a token that it would evaluate in a certain way. */
function evaluating(evaluate: Judge): Rule {
  return { ...restSinceTheLastCopy, evaluate }
}

function isWithin(spanUs: number, sinceUs: number | null, nowUs: number): boolean {
  return sinceUs !== null && nowUs - sinceUs < spanUs
}

/** A rest of so many graces, since the confirmation, or else since `unconfirmed` says. */
function resting(graces: number, unconfirmed: (rotation: Rotation) => number | null): Rule {
  return evaluating((rotation, presented, nowUs) => {
    if (presented.gen !== rotation.gen) return right(rotation, presented, nowUs)
    const { issuedAtUs, confirmedAtUs } = rotation.current
    const since = confirmedAtUs ?? unconfirmed(rotation)
    return issuedAtUs !== null && isWithin(graces * presented.graceUs, since, nowUs) ? 3 : 4
  })
}

const minted = (rotation: Rotation) => rotation.current.issuedAtUs
const lastCopy = ({ createdUs, issuedUs }: Rotation) => createdUs + issuedUs

/** Row 5, with other conditions: the others come after it. */
function jars(areTwo: (rotation: Rotation, presented: Presented) => boolean): Rule {
  return evaluating((rotation, presented, nowUs) => {
    const behind = rotation.gen - presented.gen
    if ((behind === 1 || behind === 2) && areTwo(rotation, presented)) return 5
    // A grace that is as long, but a copy that is the one: what row 5 asks for is not there.
    const { issuedAtUs, rotatedFromUs } = behind === 1 ? rotation.current : rotation.previous
    const same =
      issuedAtUs !== null && rotatedFromUs !== null ? { ...presented, issuedUs: rotatedFromUs } : presented
    return behind > 0 ? right(rotation, same, nowUs) : right(rotation, presented, nowUs)
  })
}

function ageAtRetirement(rotation: Rotation, { gen, issuedUs }: Presented): number {
  const { issuedAtUs } = gen === rotation.gen - 1 ? rotation.current : rotation.previous
  return issuedAtUs === null ? Number.NEGATIVE_INFINITY : issuedAtUs - (rotation.createdUs + issuedUs)
}

function isOther(rotation: Rotation, { gen, issuedUs }: Presented): boolean {
  return (gen === rotation.gen - 1 ? rotation.current : rotation.previous).rotatedFromUs !== issuedUs
}

function replayedOnly(
  isReplayed: (rotation: Rotation, presented: Presented, nowUs: number) => boolean,
  row: 6 | 7
) {
  return evaluating((rotation, presented, nowUs) => {
    const judged = right(rotation, presented, nowUs)
    return judged === row && !isReplayed(rotation, presented, nowUs) ? 8 : judged
  })
}

export const brokenRules = {
  noRest: resting(0, lastCopy),
  restOfOneGrace: resting(1, lastCopy),
  restOfTwoGraces: resting(2, lastCopy),
  restSinceTheMinting: resting(3, minted),
  noRow5: jars(() => false),
  row5AfterOneGrace: jars((r, p) => isOther(r, p) && ageAtRetirement(r, p) >= p.graceUs),
  row5ForTheSameCopy: jars((r, p) => ageAtRetirement(r, p) >= 2 * p.graceUs),
  noRow6: replayedOnly(() => false, 6),
  noRow7: replayedOnly(() => false, 7),
  row7SinceTheMinting: replayedOnly(
    ({ gen, current, previous }, p, nowUs) =>
      isWithin(p.graceUs, (p.gen === gen - 1 ? current : previous).issuedAtUs, nowUs),
    7
  ),
  row7ForTheParentAlone: replayedOnly(({ gen }, p) => p.gen === gen - 1, 7),
  parentAlwaysFine: evaluating((rotation, presented, nowUs) => {
    const judged = right(rotation, presented, nowUs)
    return (judged === 5 || judged === 8) && presented.gen === rotation.gen - 1 ? 7 : judged
  }),
  strict: evaluating((rotation, presented) => (presented.gen === rotation.gen ? 4 : 8)),
  copiesOfOneTime: {
    ...restSinceTheLastCopy,
    reissue: (rotation: Rotation, nowUs: number) => ({ ...rotation, issuedUs: nowUs - rotation.createdUs })
  },
  noRow9: evaluating((rotation, presented, nowUs) => {
    const judged = right(rotation, presented, nowUs)
    return judged === 9 ? 10 : judged
  })
} satisfies Record<string, Rule>

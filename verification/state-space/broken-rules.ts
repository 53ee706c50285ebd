import type { Presented, Rotation } from '../../lib/store/rotation-rule.js'
import { type Rule, realRule } from './rule.js'

type Judge = Rule['judge']

/**
 * While a generation is not confirmed, it rests since its last copy was issued: the answer with that copy may be on
 * its way still. The others are broken in one thing each, and are as this one in all else.
 */
export const restSinceTheLastCopy: Rule = {
  ...realRule,
  judge(rotation, presented, nowUs) {
    const { gen, createdUs, issuedUs, current } = rotation
    if (presented.gen !== gen || current.mintedUs === null) return realRule.judge(rotation, presented, nowUs)
    const since = current.confirmedUs ?? Math.max(current.mintedUs, Math.min(createdUs + issuedUs, nowUs))
    return isWithin(3 * presented.graceUs, since, nowUs) ? 3 : 4
  }
}

const right = restSinceTheLastCopy.judge

/** The rule, but for a token that it would judge in a certain way. */
function judging(judge: Judge): Rule {
  return { ...restSinceTheLastCopy, judge }
}

function isWithin(spanUs: number, sinceUs: number | null, nowUs: number): boolean {
  return sinceUs !== null && nowUs - sinceUs < spanUs
}

/** A rest of so many graces, since the confirmation, or else since `unconfirmed` says. */
function resting(graces: number, unconfirmed: (rotation: Rotation) => number | null): Rule {
  return judging((rotation, presented, nowUs) => {
    if (presented.gen !== rotation.gen) return right(rotation, presented, nowUs)
    const { mintedUs, confirmedUs } = rotation.current
    const since = confirmedUs ?? unconfirmed(rotation)
    return mintedUs !== null && isWithin(graces * presented.graceUs, since, nowUs) ? 3 : 4
  })
}

const minted = (rotation: Rotation) => rotation.current.mintedUs
const lastCopy = ({ createdUs, issuedUs }: Rotation) => createdUs + issuedUs

/** Row 5, with other conditions: the others come after it. */
function jars(areTwo: (rotation: Rotation, presented: Presented) => boolean): Rule {
  return judging((rotation, presented, nowUs) => {
    const behind = rotation.gen - presented.gen
    if ((behind === 1 || behind === 2) && areTwo(rotation, presented)) return 5
    // A grace that is as long, but a copy that is the one: what row 5 asks for is not there.
    const { mintedUs, by } = behind === 1 ? rotation.current : rotation.previous
    const same = mintedUs !== null && by !== null ? { ...presented, issuedUs: by } : presented
    return behind > 0 ? right(rotation, same, nowUs) : right(rotation, presented, nowUs)
  })
}

function ageAtRetirement(rotation: Rotation, { gen, issuedUs }: Presented): number {
  const { mintedUs } = gen === rotation.gen - 1 ? rotation.current : rotation.previous
  return mintedUs === null ? Number.NEGATIVE_INFINITY : mintedUs - (rotation.createdUs + issuedUs)
}

function isOther(rotation: Rotation, { gen, issuedUs }: Presented): boolean {
  return (gen === rotation.gen - 1 ? rotation.current : rotation.previous).by !== issuedUs
}

function replayedOnly(
  isReplayed: (rotation: Rotation, presented: Presented, nowUs: number) => boolean,
  row: 6 | 7
) {
  return judging((rotation, presented, nowUs) => {
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
      isWithin(p.graceUs, (p.gen === gen - 1 ? current : previous).mintedUs, nowUs),
    7
  ),
  row7ForTheParentAlone: replayedOnly(({ gen }, p) => p.gen === gen - 1, 7),
  parentAlwaysFine: judging((rotation, presented, nowUs) => {
    const judged = right(rotation, presented, nowUs)
    return (judged === 5 || judged === 8) && presented.gen === rotation.gen - 1 ? 7 : judged
  }),
  strict: judging((rotation, presented) => (presented.gen === rotation.gen ? 4 : 8)),
  copiesOfOneTime: {
    ...restSinceTheLastCopy,
    copied: (rotation: Rotation, nowUs: number) => ({ ...rotation, issuedUs: nowUs - rotation.createdUs })
  },
  noRow9: judging((rotation, presented, nowUs) => {
    const judged = right(rotation, presented, nowUs)
    return judged === 9 ? 10 : judged
  })
} satisfies Record<string, Rule>

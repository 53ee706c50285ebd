import type { Refresh } from '../../types/session-store.js'
import { MAX_GENERATION } from '../tokens/session-id.js'

/**
 * The rule of rotation, as pure functions over what a session remembers. All times are whole
 * microseconds of the store's clock, but for those named `issued`, which count from the session's start.
 * `redis/scripts/rotate.ts` is the same rule in Lua, in the same order and with the same names.
 */
export interface Rotation {
  gen: number
  createdUs: number
  /** The last copy that was issued: the next is later. */
  issuedUs: number
  /** How the current generation came to be. */
  current: GenerationRecord
  /** How the one before it came to be. */
  previous: GenerationRecord
  /** The last rotation, so that a repeated one answers the same. */
  last: { idempotencyKey: string; issuedUs: number; row: 4 | 9 | 10 } | null
}

/** A generation's beginnings. */
export interface GenerationRecord {
  /** When a rotation minted it; null for a login's, and for one that the store had lost. */
  issuedAtUs: number | null
  /** The `issued` of the copy that was rotated into it. */
  rotatedFromUs: number | null
  /** When the client first proved to have it. */
  confirmedAtUs: number | null
}

export type Presented = Pick<Refresh, 'gen' | 'issuedUs' | 'untilConfirmed' | 'rollback'> & {
  graceUs: number
}

/** The rows 3 to 10; the first two ask whether the session lives. */
export type Row = 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10

const NO_RECORD: GenerationRecord = { issuedAtUs: null, rotatedFromUs: null, confirmedAtUs: null }

/** A login: generation 1 counts as confirmed, and nothing was minted. */
export function initialState(nowUs: number): Rotation {
  return {
    gen: 1,
    createdUs: nowUs,
    issuedUs: 0,
    current: { ...NO_RECORD, confirmedAtUs: nowUs },
    previous: NO_RECORD,
    last: null
  }
}

/** Which row of the rule a token falls under. */
export function evaluate(rotation: Rotation, presented: Presented, nowUs: number): Row {
  const { gen, current } = rotation
  const { graceUs, untilConfirmed } = presented

  if (presented.gen === gen) return isInCooldown(rotation, nowUs, graceUs) ? 3 : 4
  if (presented.gen < gen) {
    const retirement = retirementOf(rotation, presented.gen)
    if (isDivergedCopy(rotation, presented, retirement)) return 5
    if (presented.gen === gen - 1 && untilConfirmed && current.confirmedAtUs === null) return 6
    if (isWithin(graceUs, retiredAt(retirement, untilConfirmed), nowUs)) return 7
    return 8
  }
  return presented.gen === gen + 1 ? 9 : 10
}

/**
 * A generation that was just taken into use rests: a second rotation inside one burst of tabs, or a
 * late cookie that puts the older token back, would retire what the others still hold. A login's
 * generation never rests. An unconfirmed one rests from its last copy on: who holds another copy must not
 * rotate before the client that has just got one confirms.
 */
function isInCooldown({ createdUs, issuedUs, current }: Rotation, nowUs: number, graceUs: number): boolean {
  const { issuedAtUs, confirmedAtUs } = current
  if (issuedAtUs === null) return false
  return isWithin(3 * graceUs, confirmedAtUs ?? Math.min(createdUs + issuedUs, nowUs), nowUs)
}

/** The rotation that retired a generation minted its successor: it is kept for the last two. */
function retirementOf(rotation: Rotation, gen: number): GenerationRecord {
  if (gen === rotation.gen - 1) return rotation.current
  if (gen === rotation.gen - 2) return rotation.previous
  return NO_RECORD
}

/** One client settles on one copy of a generation; two jars hold two. */
function isDivergedCopy(
  rotation: Rotation,
  presented: Presented,
  { issuedAtUs, rotatedFromUs }: GenerationRecord
): boolean {
  if (issuedAtUs === null || rotatedFromUs === presented.issuedUs) return false
  return issuedAtUs - (rotation.createdUs + presented.issuedUs) >= 2 * presented.graceUs
}

/** The clock starts at the confirmation: a lost answer is followed by a burst of tabs with the old token. */
function retiredAt({ issuedAtUs, confirmedAtUs }: GenerationRecord, untilConfirmed: boolean): number | null {
  return untilConfirmed ? confirmedAtUs : (issuedAtUs ?? confirmedAtUs)
}

function isWithin(spanUs: number, sinceUs: number | null, nowUs: number): boolean {
  return sinceUs !== null && nowUs - sinceUs < spanUs
}

/** Rows 4, 9 and 10: the presented generation is the current one, and gives way to its successor. */
export function rotate(
  rotation: Rotation,
  presented: Pick<Refresh, 'gen' | 'issuedUs' | 'idempotencyKey'>,
  row: 4 | 9 | 10,
  nowUs: number
): Rotation {
  // A generation that the store had lost is taken as current and confirmed now, with no older times.
  const retiring = row === 4 ? rotation.current : NO_RECORD
  // A copy that the store had lost was issued, too: the next is later.
  const issuedUs = Math.max(rotation.issuedUs, presented.issuedUs)
  const next = reissue({ ...rotation, issuedUs }, nowUs)
  return {
    ...next,
    gen: presented.gen + 1,
    current: { issuedAtUs: nowUs, rotatedFromUs: presented.issuedUs, confirmedAtUs: null },
    previous: { ...retiring, confirmedAtUs: retiring.confirmedAtUs ?? nowUs },
    last: { idempotencyKey: presented.idempotencyKey, issuedUs: next.issuedUs, row }
  }
}

/** Whether the session has a generation to rotate into. */
export function isExhausted(gen: number): boolean {
  return gen >= MAX_GENERATION
}

/** Rows 6 and 7: another copy of the current generation, later than all before. */
export function reissue(rotation: Rotation, nowUs: number): Rotation {
  const issuedUs = Math.max(nowUs - rotation.createdUs, rotation.issuedUs + 1)
  return { ...rotation, issuedUs }
}

/** The client has proved to hold the current generation. */
export function confirm(rotation: Rotation, nowUs: number): Rotation {
  const { current } = rotation
  if (current.confirmedAtUs !== null) return rotation
  return { ...rotation, current: { ...current, confirmedAtUs: nowUs } }
}

/** A stored time that lies in the future (the clock of a new master) is taken as now. */
export function clampTimes(rotation: Rotation, nowUs: number): Rotation {
  const notAfter = (time: number | null) => (time === null ? null : Math.min(time, nowUs))
  const minting = ({ issuedAtUs, rotatedFromUs, confirmedAtUs }: GenerationRecord): GenerationRecord => ({
    issuedAtUs: notAfter(issuedAtUs),
    rotatedFromUs,
    confirmedAtUs: notAfter(confirmedAtUs)
  })
  return {
    ...rotation,
    createdUs: Math.min(rotation.createdUs, nowUs),
    current: minting(rotation.current),
    previous: minting(rotation.previous)
  }
}

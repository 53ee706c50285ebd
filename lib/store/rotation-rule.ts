import type { Refresh } from '../../types/session-store.js'
import { MAX_GENERATION } from '../tokens/session-id.js'

/**
 * The rotation rule (docs/reference/rotation-rule.md) as pure functions over the state of a session.
 * `redis/scripts/rotate.ts` implements the same rule in Lua, in the same order and with the same names.
 *
 * All times are whole microseconds of the store's clock. Those named `issuedUs` and `rotatedFromUs` count from the
 * creation of the session.
 */
export interface Rotation {
  gen: number
  createdUs: number
  /** Time of issue of the last copy. The next copy gets a later one. */
  issuedUs: number
  /** Record of the current generation. */
  current: GenerationRecord
  /** Record of the generation before it. */
  previous: GenerationRecord
  /** The last rotation, so that a repeated call returns the same result. */
  last: { idempotencyKey: string; issuedUs: number; row: 4 | 9 | 10 } | null
}

export interface GenerationRecord {
  /** When a rotation issued the generation. `null` for the first generation, and for one that the store lost. */
  issuedAtUs: number | null
  /** The `issuedUs` of the copy that was exchanged for it. */
  rotatedFromUs: number | null
  /** When the client first proved that it holds the generation. */
  confirmedAtUs: number | null
}

export type Presented = Pick<Refresh, 'gen' | 'issuedUs' | 'untilConfirmed' | 'rollback'> & {
  graceUs: number
  /** The lifetime of an access token. Only if the session is bound to a key. */
  accessTtlUs?: number | undefined
}

/** Rows 3 to 10. The store checks rows 1 and 2, which ask whether the session exists. */
export type Row = 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10

const NO_RECORD: GenerationRecord = { issuedAtUs: null, rotatedFromUs: null, confirmedAtUs: null }

/** Returns the state after a login. Generation 1 counts as confirmed, and no rotation issued it. */
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

/** Returns the row of the rule that applies to a token. */
export function evaluate(rotation: Rotation, presented: Presented, nowUs: number): Row {
  const { gen, current } = rotation
  const { graceUs, untilConfirmed } = presented

  if (presented.gen === gen) {
    if (isLostCopy(rotation, presented)) return 5
    return isInCooldown(rotation, nowUs, graceUs) ? 3 : 4
  }
  if (presented.gen < gen) {
    const retirement = retirementOf(rotation, presented.gen)
    if (isDivergedCopy(rotation, presented, retirement)) return 5
    if (presented.gen === gen - 1 && untilConfirmed && current.confirmedAtUs === null) return 6
    if (isWithin(3 * graceUs, retiredAt(retirement, untilConfirmed), nowUs)) return 7
    if (isSilent(rotation, presented, nowUs)) return 7
    return 8
  }
  return presented.gen === gen + 1 ? 9 : 10
}

/**
 * Returns whether the current generation is replayed instead of rotated, for three grace periods after its confirmation.
 * Otherwise a burst of tabs, or a late `Set-Cookie` with the older token, would retire the token that other tabs still
 * hold. The first generation has no cooldown.
 *
 * Before the confirmation the cooldown restarts with each copy: another holder of a copy must not rotate before the
 * client that received the last copy confirms it.
 */
function isInCooldown({ createdUs, issuedUs, current }: Rotation, nowUs: number, graceUs: number): boolean {
  const { issuedAtUs, confirmedAtUs } = current
  if (issuedAtUs === null) return false
  return isWithin(3 * graceUs, confirmedAtUs ?? Math.min(createdUs + issuedUs, nowUs), nowUs)
}

/** Returns the record of the generation that replaced `gen`. The state keeps it for the last two retired generations. */
function retirementOf(rotation: Rotation, gen: number): GenerationRecord {
  if (gen === rotation.gen - 1) return rotation.current
  if (gen === rotation.gen - 2) return rotation.previous
  return NO_RECORD
}

/** A client keeps one copy of a generation. A different copy, presented later, comes from a second cookie jar. */
function isDivergedCopy(
  rotation: Rotation,
  presented: Presented,
  { issuedAtUs, rotatedFromUs }: GenerationRecord
): boolean {
  if (issuedAtUs === null || rotatedFromUs === presented.issuedUs) return false
  return issuedAtUs - (rotation.createdUs + presented.issuedUs) >= 2 * presented.graceUs
}

/**
 * Returns when the grace period of a retired generation starts. With `untilConfirmed` it starts at the confirmation of
 * the successor, because a burst of tabs may present the old token after a lost response.
 */
function retiredAt({ issuedAtUs, confirmedAtUs }: GenerationRecord, untilConfirmed: boolean): number | null {
  return untilConfirmed ? confirmedAtUs : (issuedAtUs ?? confirmedAtUs)
}

/**
 * Returns whether the client of a bound session has been silent: it presents the token that was retired last, in exactly the
 * copy that was rotated, although all access tokens of the successor have expired. An active client would have rotated the
 * successor.
 *
 * A browser that is killed after a rotation does this when it restarts, because it writes cookies to the disk with a delay.
 * Row 0 has rejected everyone without the key. Without a key this may be an attacker with an old copy, so row 8 decides.
 */
function isSilent(rotation: Rotation, presented: Presented, nowUs: number): boolean {
  const { gen, createdUs, issuedUs, current } = rotation
  const { graceUs, accessTtlUs } = presented
  if (accessTtlUs === undefined || presented.gen !== gen - 1 || presented.issuedUs !== current.rotatedFromUs)
    return false
  if (isRepeated(rotation)) return false
  // Rows 6 and 7 issue an access token with the last copy. Row 3 issues the last one at the end of the cooldown.
  return nowUs - Math.max(current.confirmedAtUs ?? 0, createdUs + issuedUs) >= accessTtlUs + 3 * graceUs
}

/**
 * Returns whether the last rotation was repeated: its own copy is older than the generation. It is repeated once, because an
 * attacker with the key could otherwise repeat it whenever the user is silent, and never be detected.
 */
function isRepeated({ createdUs, last, current: { issuedAtUs } }: Rotation): boolean {
  return last !== null && issuedAtUs !== null && createdUs + last.issuedUs < issuedAtUs
}

/**
 * Returns whether a copy of the current generation is one that the client has lost, because the rotation was repeated after
 * the copy was issued. A client that still has it is a second one.
 */
function isLostCopy(rotation: Rotation, { issuedUs }: Pick<Presented, 'issuedUs'>): boolean {
  return isRepeated(rotation) && rotation.createdUs + issuedUs < (rotation.current.issuedAtUs as number)
}

/**
 * Rows 6 and 7: returns how long the token is still rejected with a conflict, or 0 if it is replayed. A conflict changes
 * nothing. The client tries again.
 *
 * On a slow network a client can present a token this late, although it receives the successor a moment later. Reuse
 * detection would log this client out, and a replay would also help an attacker. The window ends when the successor can be
 * rotated.
 */
export function conflictUs(rotation: Rotation, presented: Presented, nowUs: number): number {
  const { gen, graceUs, untilConfirmed } = presented
  const retiredAtUs = retiredAt(retirementOf(rotation, gen), untilConfirmed)
  if (retiredAtUs === null || isWithin(graceUs, retiredAtUs, nowUs)) return 0
  return Math.max(0, retiredAtUs + 3 * graceUs - nowUs)
}

function isWithin(spanUs: number, sinceUs: number | null, nowUs: number): boolean {
  return sinceUs !== null && nowUs - sinceUs < spanUs
}

/** Rows 4, 9 and 10: takes the presented generation as the current one, and replaces it with its successor. */
export function rotate(
  rotation: Rotation,
  presented: Pick<Refresh, 'gen' | 'issuedUs' | 'idempotencyKey'>,
  row: 4 | 9 | 10,
  nowUs: number
): Rotation {
  // The store has no record of a generation that it lost. It counts as confirmed now.
  const retiring = row === 4 ? rotation.current : NO_RECORD
  // A copy that the store lost was issued too, so the next copy gets a later time of issue.
  const issuedUs = Math.max(rotation.issuedUs, presented.issuedUs)
  const next = withNewCopy({ ...rotation, issuedUs }, nowUs)
  return {
    ...next,
    gen: presented.gen + 1,
    current: { issuedAtUs: nowUs, rotatedFromUs: presented.issuedUs, confirmedAtUs: null },
    previous: { ...retiring, confirmedAtUs: retiring.confirmedAtUs ?? nowUs },
    last: { idempotencyKey: presented.idempotencyKey, issuedUs: next.issuedUs, row }
  }
}

/** Returns whether the session has no generation left to rotate into. */
export function isExhausted(gen: number): boolean {
  return gen >= MAX_GENERATION
}

/**
 * Rows 6 and 7: issues another copy of the current generation.
 *
 * A silent client has lost the generation. Its rotation is repeated: the generation is issued now and not confirmed, so that
 * retries and other tabs of the client are replayed (row 6), and an earlier copy is reuse (row 5).
 */
export function reissue(rotation: Rotation, presented: Presented, row: 6 | 7, nowUs: number): Rotation {
  const next = withNewCopy(rotation, nowUs)
  if (row === 6 || !isSilent(rotation, presented, nowUs)) return next
  return { ...next, current: { ...rotation.current, issuedAtUs: nowUs, confirmedAtUs: null } }
}

/** Returns the state with another copy of the current generation, later than all copies before. */
function withNewCopy(rotation: Rotation, nowUs: number): Rotation {
  const issuedUs = Math.max(nowUs - rotation.createdUs, rotation.issuedUs + 1)
  return { ...rotation, issuedUs }
}

/** Records that the client holds the current generation. */
export function confirm(rotation: Rotation, nowUs: number): Rotation {
  const { current } = rotation
  if (current.confirmedAtUs !== null) return rotation
  return { ...rotation, current: { ...current, confirmedAtUs: nowUs } }
}

/** Replaces stored times in the future with the current time. They occur if the clock of a new master is behind. */
export function clampTimes(rotation: Rotation, nowUs: number): Rotation {
  const clampTime = (timeUs: number | null) => (timeUs === null ? null : Math.min(timeUs, nowUs))
  const clampRecord = ({ issuedAtUs, rotatedFromUs, confirmedAtUs }: GenerationRecord): GenerationRecord => ({
    issuedAtUs: clampTime(issuedAtUs),
    rotatedFromUs,
    confirmedAtUs: clampTime(confirmedAtUs)
  })
  return {
    ...rotation,
    createdUs: Math.min(rotation.createdUs, nowUs),
    current: clampRecord(rotation.current),
    previous: clampRecord(rotation.previous)
  }
}

import type { GenerationRecord, Rotation } from '../../lib/store/rotation-rule.js'
import { LONG_AGO } from './pack.js'
import { ACCESS_TTL, type Copy, RETENTION, type State, type Stored, W } from './state.js'

const LONGEST = Math.max(3 * W, ACCESS_TTL, RETENTION)
const NOTHING: GenerationRecord = { issuedAtUs: null, rotatedFromUs: null, confirmedAtUs: null }

/**
 * Removes what has no effect on the future, so that states with the same future are equal.
 *
 * This is: times older than any span of the rule, the absolute time, and the absolute generation.
 *
 * @param silence for a bound session the time after which a silent client is replayed, otherwise 0
 */
export function canonical(state: State, silence = 0): State {
  if (!state.store && !state.replica) return revokedState(state)
  const relevant = withoutIrrelevant(state, silence)
  return relevant.replica === undefined ? relevant : shortenGaps(relevant)
}

/** Returns the state of a revoked session that no store can restore. Every token is rejected, so that one is enough. */
function revokedState(state: State): State {
  const rejected = { gen: 0, at: state.now }
  return {
    ...state,
    replicaSince: state.now,
    revocationKnownUntil: null,
    canSteal: false,
    cookie: rejected,
    pendingRefreshes: [],
    accessTokens: [],
    stolen: []
  }
}

function withoutIrrelevant(state: State, silence: number): State {
  const { now, store, replica } = state
  const gens = [store, replica].flatMap((stored) => stored?.gen ?? [])
  const lowest = Math.min(...gens)
  const held = copiesOf(state)
  const rename =
    replica === undefined && store ? copyRenamer(store, held, now, silence) : oldCopyRenamer(lowest, now)
  const mapCopy = (copy: Copy | null) => copy && rename(copy)
  return {
    ...state,
    store: store && trimStored(store, held, now, replica === undefined, silence),
    replica: replica && trimStored(replica, held, now, false, silence),
    replicaSince: replica === undefined ? now : Math.max(state.replicaSince, now - ACCESS_TTL),
    revocationKnownUntil:
      state.revocationKnownUntil !== null && state.revocationKnownUntil > now
        ? state.revocationKnownUntil
        : null,
    cookie: mapCopy(state.cookie),
    pendingRefreshes: state.pendingRefreshes.map((pending) => ({
      ...pending,
      copy: mapCopy(pending.copy),
      sent: Math.max(pending.sent, now - ACCESS_TTL),
      since: Math.max(pending.since, now - ACCESS_TTL)
    })),
    accessTokens: state.accessTokens.filter(
      ({ gen, expiresAt }) => expiresAt > now && isRelevant(gen, state, lowest)
    ),
    stolen: distinct(state.stolen.map(rename))
  }
}

function copiesOf({ cookie, pendingRefreshes, stolen }: State): Copy[] {
  return [...(cookie ? [cookie] : []), ...pendingRefreshes.flatMap(({ copy }) => copy ?? []), ...stolen]
}

function distinct(copies: readonly Copy[]): Copy[] {
  return copies.filter(
    ({ gen, at }, i) => copies.findIndex((other) => other.gen === gen && other.at === at) === i
  )
}

/** Returns whether the use of an access token of this generation can confirm something. */
function isRelevant(gen: number, { store, replica }: State, lowest: number): boolean {
  if (replica !== undefined) return gen >= lowest
  return store !== null && (gen > store.gen || (gen === store.gen && store.current.confirmedAtUs === null))
}

/** Returns a function that makes all copies equal that are more than two generations behind. */
function oldCopyRenamer(lowest: number, now: number): (copy: Copy) => Copy {
  return (copy) => (copy.gen < lowest - 2 ? { gen: Math.max(0, lowest - 3), at: now } : copy)
}

/**
 * Returns a function that gives copies equal times if the difference has no effect.
 *
 * A retired copy only matters in two ways: whether it is the copy that was rotated, and whether it was issued two grace
 * periods before the rotation. A current copy matters by its identity, and by its age up to two grace periods. In a bound
 * session it matters by its age up to the silence, and by whether the client has lost it.
 */
function copyRenamer(
  store: Rotation,
  held: readonly Copy[],
  now: number,
  silence: number
): (copy: Copy) => Copy {
  const { gen, current, previous } = store
  const span = Math.max(2 * W, silence)
  const isLost = ({ at }: Copy) => isRepeated(store) && at < (current.issuedAtUs ?? 0)
  const oldTimes = distinct(held.filter((copy) => copy.gen >= gen && copy.at <= now - span && !isLost(copy)))
    .map(({ at }) => at)
    .sort((a, b) => b - a)
  const isOnlyCopy = distinct(held.filter((copy) => copy.gen >= gen - 2)).length === 1
  return (copy) => {
    if (copy.gen === gen && isLost(copy))
      return { gen, at: (renameRecord(current, now, silence).issuedAtUs ?? 0) - 1 }
    if (copy.gen >= gen) {
      // No other copy will be issued, so that the age of this one has no effect.
      if (isOnlyCopy) return { gen: copy.gen, at: now - 2 * W }
      return copy.at > now - span ? copy : { gen: copy.gen, at: now - span - oldTimes.indexOf(copy.at) }
    }
    if (copy.gen === gen - 1) return { gen: copy.gen, at: renamedTime(copy, current, now, silence) }
    if (copy.gen === gen - 2) return { gen: copy.gen, at: renamedTime(copy, previous, now, silence) }
    return { gen: gen - 3, at: now }
  }
}

function renamedTime({ at }: Copy, trimRecord: GenerationRecord, now: number, silence: number): number {
  const { issuedAtUs, rotatedFromUs } = trimRecord
  if (issuedAtUs === null) return now
  const issuedAt = renameRecord(trimRecord, now, silence).issuedAtUs as number
  if (at === rotatedFromUs) return issuedAt
  return issuedAtUs - at >= 2 * W ? issuedAt - 2 * W : issuedAt - 1
}

function renameRecord(
  { issuedAtUs, confirmedAtUs }: GenerationRecord,
  now: number,
  silence = 0
): GenerationRecord {
  const issuedAt = issuedAtUs === null ? null : Math.max(issuedAtUs, now - Math.max(3 * W, 2 * silence))
  return {
    issuedAtUs: issuedAt,
    rotatedFromUs: issuedAt,
    confirmedAtUs: confirmedAtUs === null ? null : Math.max(confirmedAtUs, now - Math.max(3 * W, silence))
  }
}

/** @param isRenamed whether the retired copies have the times of `copyRenamer` */
function trimStored(
  store: Rotation,
  held: readonly Copy[],
  now: number,
  isRenamed: boolean,
  silence: number
): Rotation {
  const trimRecord = (record: GenerationRecord, gen: number): GenerationRecord => {
    if (isRenamed) return renameRecord(record, now, silence)
    const isHeld = held.some((copy) => copy.gen === gen && copy.at === record.rotatedFromUs)
    return { ...record, rotatedFromUs: isHeld ? record.rotatedFromUs : null }
  }
  const isAnyHeld = (gen: number) => held.some((copy) => copy.gen === gen)
  const current = trimRecord(store.current, store.gen - 1)
  const lastCopySpan = store.current.confirmedAtUs === null ? 3 * W : Math.max(1, silence)
  return {
    ...store,
    ...lastCopyFields(withRepeated(store, silence), Math.max(store.issuedUs, now - lastCopySpan)),
    // In a bound session the time of issue also decides which copies the client has lost.
    current: isAnyHeld(store.gen - 1) || silence > 0 ? current : withoutRetired(current),
    previous: isAnyHeld(store.gen - 2) ? trimRecord(store.previous, store.gen - 2) : NOTHING
  }
}

/** Marks a rotation that was repeated, because it is not repeated again. Otherwise no confirmed rotation has to be known. */
function withRepeated(store: Rotation, silence: number): Rotation {
  const { last, current } = store
  if (silence === 0) return current.confirmedAtUs === null ? store : { ...store, last: null }
  return last && isRepeated(store) ? { ...store, last: { ...last, issuedUs: LONG_AGO } } : store
}

/** Returns whether the last rotation was repeated, as the rule does. */
function isRepeated({ last, current }: Rotation): boolean {
  return last !== null && current.issuedAtUs !== null && last.issuedUs < current.issuedAtUs
}

/**
 * Returns the fields of the last copy.
 *
 * While its generation is unconfirmed, two things can matter: when the copy was issued, and whether the rotation issued
 * it.
 */
function lastCopyFields(
  { last, issuedUs }: Rotation,
  renamedUs: number
): Pick<Rotation, 'issuedUs' | 'last'> {
  if (last === null || last.issuedUs === LONG_AGO) return { issuedUs: renamedUs, last }
  const own = issuedUs > last.issuedUs ? renamedUs - 1 : renamedUs
  return { issuedUs: renamedUs, last: { idempotencyKey: '', row: 4, issuedUs: own } }
}

/** No party holds a copy that was retired here, so that only the cooldown of the own generation matters. */
function withoutRetired({ issuedAtUs, confirmedAtUs }: GenerationRecord): GenerationRecord {
  if (issuedAtUs === null) return { issuedAtUs, rotatedFromUs: null, confirmedAtUs }
  return { issuedAtUs: confirmedAtUs ?? issuedAtUs, rotatedFromUs: null, confirmedAtUs }
}

/** Shortens gaps between times to the longest span of the rule, because longer gaps have the same effect. */
function shortenGaps(state: State): State {
  const times = timesOf(state)
  const mapped = new Map<number, number>()
  let last = times[0] as number
  let image = 0
  for (const time of times) {
    image += Math.min(time - last, LONGEST)
    mapped.set(time, image)
    last = time
  }
  return mapTimes(state, (time) => mapped.get(time) as number)
}

function timesOf(state: State): number[] {
  const times = new Set<number>()
  mapTimes(state, (time) => {
    times.add(time)
    return time
  })
  return [...times].sort((a, b) => a - b)
}

function mapTimes(state: State, map: (time: number) => number): State {
  const optional = (time: number | null) => (time === null ? null : map(time))
  const record = ({ issuedAtUs, rotatedFromUs, confirmedAtUs }: GenerationRecord): GenerationRecord => ({
    issuedAtUs: optional(issuedAtUs),
    rotatedFromUs: optional(rotatedFromUs),
    confirmedAtUs: optional(confirmedAtUs)
  })
  const stored = (store: Stored): Stored =>
    store && {
      ...store,
      ...lastCopyFields(store, map(store.issuedUs)),
      current: record(store.current),
      previous: record(store.previous)
    }
  const mapCopy = (copy: Copy) => ({ gen: copy.gen, at: map(copy.at) })
  return {
    ...state,
    now: map(state.now),
    store: stored(state.store),
    replica: state.replica === undefined ? undefined : stored(state.replica),
    replicaSince: map(state.replicaSince),
    revocationKnownUntil: optional(state.revocationKnownUntil),
    cookie: state.cookie && mapCopy(state.cookie),
    pendingRefreshes: state.pendingRefreshes.map((pending) => ({
      ...pending,
      copy: pending.copy && mapCopy(pending.copy),
      sent: map(pending.sent),
      since: map(pending.since)
    })),
    accessTokens: state.accessTokens.map(({ gen, expiresAt }) => ({ gen, expiresAt: map(expiresAt) })),
    stolen: state.stolen.map(mapCopy)
  }
}

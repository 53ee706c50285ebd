import type { GenerationRecord, Rotation } from '../../lib/store/rotation-rule.js'
import { ACCESS_TTL, type Copy, RETENTION, type Stored, W, type World } from './state.js'

const LONGEST = Math.max(3 * W, ACCESS_TTL, RETENTION)
const NOTHING: GenerationRecord = { issuedAtUs: null, rotatedFromUs: null, confirmedAtUs: null }

/**
 * Leaves out what nothing can come to depend on, so that worlds in which the same can happen are the
 * same: the past beyond the spans of the rule, the absolute time, the absolute generation, and whose turn
 * it is of two tabs that are alike.
 */
export function canonical(world: World): World {
  if (!world.store && !world.replica) return over(world)
  const relevant = forgetful(world)
  return relevant.replica === undefined ? relevant : shortened(relevant)
}

/** The session has ended, and nothing remembers it alive: any token is refused, and so is one that is left here. */
function over(world: World): World {
  const dead = { gen: 0, at: world.now }
  return {
    ...world,
    replicaSince: world.now,
    knownUntil: null,
    canSteal: false,
    jar: dead,
    flights: [],
    proofs: [],
    loot: []
  }
}

function forgetful(world: World): World {
  const { now, store, replica } = world
  const gens = [store, replica].flatMap((stored) => stored?.gen ?? [])
  const lowest = Math.min(...gens)
  const held = copiesOf(world)
  const rename = replica === undefined && store ? namesOf(store, held, now) : sinceTheLowest(lowest, now)
  const copied = (copy: Copy | null) => copy && rename(copy)
  return {
    ...world,
    store: store && trimmed(store, held, now, replica === undefined),
    replica: replica && trimmed(replica, held, now, false),
    replicaSince: replica === undefined ? now : Math.max(world.replicaSince, now - ACCESS_TTL),
    knownUntil: world.knownUntil !== null && world.knownUntil > now ? world.knownUntil : null,
    jar: copied(world.jar),
    flights: world.flights.map((flight) => ({
      ...flight,
      copy: copied(flight.copy),
      sent: Math.max(flight.sent, now - ACCESS_TTL),
      since: Math.max(flight.since, now - ACCESS_TTL)
    })),
    proofs: world.proofs.filter(({ gen, until }) => until > now && matters(gen, world, lowest)),
    loot: distinct(world.loot.map(rename))
  }
}

function copiesOf({ jar, flights, loot }: World): Copy[] {
  return [...(jar ? [jar] : []), ...flights.flatMap(({ copy }) => copy ?? []), ...loot]
}

function distinct(copies: readonly Copy[]): Copy[] {
  return copies.filter(
    ({ gen, at }, i) => copies.findIndex((other) => other.gen === gen && other.at === at) === i
  )
}

/** An access token matters for as long as its use may confirm something. */
function matters(gen: number, { store, replica }: World, lowest: number): boolean {
  if (replica !== undefined) return gen >= lowest
  return store !== null && (gen > store.gen || (gen === store.gen && store.current.confirmedAtUs === null))
}

/** All that is older than three generations is the same. */
function sinceTheLowest(lowest: number, now: number): (copy: Copy) => Copy {
  return (copy) => (copy.gen < lowest - 2 ? { gen: Math.max(0, lowest - 3), at: now } : copy)
}

/**
 * Of a retired copy only this matters: is it the one that was rotated, and if not, was it issued two graces
 * before? Of a current one: which of them it is, and its age, up to two graces.
 */
function namesOf(store: Rotation, held: readonly Copy[], now: number): (copy: Copy) => Copy {
  const { gen, current, previous } = store
  const old = distinct(held.filter((copy) => copy.gen >= gen && copy.at <= now - 2 * W))
    .map(({ at }) => at)
    .sort((a, b) => b - a)
  const isOnlyOne = distinct(held.filter((copy) => copy.gen >= gen - 2)).length === 1
  return (copy) => {
    if (copy.gen >= gen) {
      // No other will be issued, so nobody will ask how old this one is.
      if (isOnlyOne) return { gen: copy.gen, at: now - 2 * W }
      return copy.at > now - 2 * W ? copy : { gen: copy.gen, at: now - 2 * W - old.indexOf(copy.at) }
    }
    if (copy.gen === gen - 1) return { gen: copy.gen, at: nameOf(copy, current, now) }
    if (copy.gen === gen - 2) return { gen: copy.gen, at: nameOf(copy, previous, now) }
    return { gen: gen - 3, at: now }
  }
}

function nameOf({ at }: Copy, retirement: GenerationRecord, now: number): number {
  const { issuedAtUs, rotatedFromUs } = retirement
  if (issuedAtUs === null) return now
  const named = renamedMinting(retirement, now).issuedAtUs as number
  if (at === rotatedFromUs) return named
  return issuedAtUs - at >= 2 * W ? named - 2 * W : named - 1
}

function renamedMinting({ issuedAtUs, confirmedAtUs }: GenerationRecord, now: number): GenerationRecord {
  const minted = issuedAtUs === null ? null : Math.max(issuedAtUs, now - 3 * W)
  return {
    issuedAtUs: minted,
    rotatedFromUs: minted,
    confirmedAtUs: confirmedAtUs === null ? null : Math.max(confirmedAtUs, now - 3 * W)
  }
}

/** @param isRenamed the copies that it retired have the names of `namesOf` */
function trimmed(store: Rotation, held: readonly Copy[], now: number, isRenamed: boolean): Rotation {
  const retirement = (minting: GenerationRecord, gen: number): GenerationRecord => {
    if (isRenamed) return renamedMinting(minting, now)
    const isHeld = held.some((copy) => copy.gen === gen && copy.at === minting.rotatedFromUs)
    return { ...minting, rotatedFromUs: isHeld ? minting.rotatedFromUs : null }
  }
  const isAnyOf = (gen: number) => held.some((copy) => copy.gen === gen)
  const current = retirement(store.current, store.gen - 1)
  return {
    ...store,
    ...issuing(store, Math.max(store.issuedUs, now - (store.current.confirmedAtUs === null ? 3 * W : 1))),
    current: isAnyOf(store.gen - 1) ? current : withoutRetired(current),
    previous: isAnyOf(store.gen - 2) ? retirement(store.previous, store.gen - 2) : NOTHING
  }
}

/**
 * The last copy: the next one is later, and than now. While its generation is not confirmed, it may matter when it was
 * issued, and whether it was by the rotation.
 */
function issuing(
  { last, current, issuedUs }: Rotation,
  renamedUs: number
): Pick<Rotation, 'issuedUs' | 'last'> {
  if (last === null || current.confirmedAtUs !== null) return { issuedUs: renamedUs, last: null }
  const own = issuedUs > last.issuedUs ? renamedUs - 1 : renamedUs
  return { issuedUs: renamedUs, last: { idempotencyKey: '', row: 4, issuedUs: own } }
}

/** Nobody has a copy that it retired: what is left to ask is whether its own generation rests. */
function withoutRetired({ issuedAtUs, confirmedAtUs }: GenerationRecord): GenerationRecord {
  if (issuedAtUs === null) return { issuedAtUs, rotatedFromUs: null, confirmedAtUs }
  return { issuedAtUs: confirmedAtUs ?? issuedAtUs, rotatedFromUs: null, confirmedAtUs }
}

/** Nothing is measured that is longer than the longest span: a longer gap between two moments is as good as that. */
function shortened(world: World): World {
  const moments = momentsOf(world)
  const mapped = new Map<number, number>()
  let last = moments[0] as number
  let image = 0
  for (const moment of moments) {
    image += Math.min(moment - last, LONGEST)
    mapped.set(moment, image)
    last = moment
  }
  return mapTimes(world, (time) => mapped.get(time) as number)
}

function momentsOf(world: World): number[] {
  const moments = new Set<number>()
  mapTimes(world, (time) => {
    moments.add(time)
    return time
  })
  return [...moments].sort((a, b) => a - b)
}

function mapTimes(world: World, map: (time: number) => number): World {
  const optional = (time: number | null) => (time === null ? null : map(time))
  const minting = ({ issuedAtUs, rotatedFromUs, confirmedAtUs }: GenerationRecord): GenerationRecord => ({
    issuedAtUs: optional(issuedAtUs),
    rotatedFromUs: optional(rotatedFromUs),
    confirmedAtUs: optional(confirmedAtUs)
  })
  const stored = (store: Stored): Stored =>
    store && {
      ...store,
      ...issuing(store, map(store.issuedUs)),
      current: minting(store.current),
      previous: minting(store.previous)
    }
  const copied = (copy: Copy) => ({ gen: copy.gen, at: map(copy.at) })
  return {
    ...world,
    now: map(world.now),
    store: stored(world.store),
    replica: world.replica === undefined ? undefined : stored(world.replica),
    replicaSince: map(world.replicaSince),
    knownUntil: optional(world.knownUntil),
    jar: world.jar && copied(world.jar),
    flights: world.flights.map((flight) => ({
      ...flight,
      copy: flight.copy && copied(flight.copy),
      sent: map(flight.sent),
      since: map(flight.since)
    })),
    proofs: world.proofs.map(({ gen, until }) => ({ gen, until: map(until) })),
    loot: world.loot.map(copied)
  }
}

import { confirm, end, type Refreshed, refresh, type ServerSettings } from './server.js'
import { ACCESS_TTL, type Copy, type Flight, JUST, W, type World } from './state.js'

export interface Settings extends ServerSettings {
  tabs: number
  /** A thief may copy the jar, once. */
  thief: boolean
  /** How many copies the thief keeps. */
  lootSize: number
  /** Requests and answers may be lost. */
  loses: boolean
  /** What arrives does so in less than this: either leg, and both together. */
  legWithin: number
  tripWithin: number
  logout: boolean
  /** The store may lose its last writes, once: those of less than so long. */
  failoverWithin: number
  /** How far the clock moves. */
  steps: readonly number[]
}

export const BOUNDARIES = [JUST, W - JUST, W, 3 * W - JUST, 3 * W, ACCESS_TTL]

export const defaults: Omit<Settings, 'rule'> = {
  untilConfirmed: true,
  tabs: 2,
  thief: false,
  lootSize: 2,
  loses: true,
  legWithin: Number.POSITIVE_INFINITY,
  tripWithin: Number.POSITIVE_INFINITY,
  logout: false,
  failoverWithin: 0,
  steps: BOUNDARIES
}

/** A refresh token that reached the server. */
export interface Use extends Omit<Refreshed, 'world'> {
  by: 'browser' | 'thief'
  used: Copy
}

export interface Move {
  name: string
  world: World
  use?: Use
}

/** All that can happen next. */
export function* movesOf(world: World, settings: Settings): Generator<Move> {
  yield* browserMoves(world, settings)
  yield* thiefMoves(world, settings)
  yield* storeMoves(world, settings)
  yield* clockMoves(world, settings)
}

function* browserMoves(world: World, settings: Settings): Generator<Move> {
  const { jar, flights, now } = world
  if (jar && flights.length < settings.tabs) {
    // Where nothing has to arrive in time, nobody asks when it was sent.
    const isTimed = Math.min(settings.legWithin, settings.tripWithin) < Number.POSITIVE_INFINITY
    const sent = isTimed ? now : now - ACCESS_TTL
    const flight: Flight = { leg: 'request', copy: jar, gen: 0, sent, since: sent }
    yield { name: `a tab sends ${nameOf(jar)}`, world: { ...world, flights: [...flights, flight] } }
  }
  for (const flight of flights) {
    const others = flights.filter((other) => other !== flight)
    if (flight.leg === 'request') yield* arrival(world, flight, others, settings)
    else yield answer(world, flight, others)
    if (settings.loses) yield { name: `the ${flight.leg} is lost`, world: { ...world, flights: others } }
  }
  if (settings.logout && jar) yield { name: 'logout', world: { ...end(world), jar: null } }
}

function* arrival(
  world: World,
  { copy: used, sent }: Flight,
  others: readonly Flight[],
  settings: Settings
): Generator<Move> {
  if (!used || isCrowded(world)) return
  const { world: next, row, copy } = refresh(world, used, settings)
  const back: Flight = {
    leg: 'answer',
    copy: row === 3 ? null : copy,
    gen: copy?.gen ?? 0,
    sent,
    since: world.now
  }
  yield {
    name: `the server gets ${nameOf(used)}: row ${row}`,
    world: { ...next, flights: copy ? [...others, back] : others },
    use: { by: 'browser', used, row, copy }
  }
}

function answer(world: World, { copy, gen, since }: Flight, flights: readonly Flight[]): Move {
  const proofs = withProof(world, gen, since + ACCESS_TTL)
  const name = copy ? `the answer puts ${nameOf(copy)} into the jar` : 'the answer arrives'
  // A browser that has logged out takes a late cookie all the same.
  return { name, world: { ...world, flights, proofs, jar: copy ?? world.jar } }
}

export function withProof({ proofs, now }: World, gen: number, until: number) {
  if (until <= now) return proofs
  const other = proofs.find((proof) => proof.gen === gen)
  if (other && other.until >= until) return proofs
  return [...proofs.filter((proof) => proof !== other), { gen, until }]
}

function* thiefMoves(world: World, settings: Settings): Generator<Move> {
  const { jar, loot, canSteal } = world
  if (canSteal && jar) {
    yield { name: `the thief copies ${nameOf(jar)}`, world: { ...world, canSteal: false, loot: [jar] } }
  }
  if (isCrowded(world)) return
  for (const used of loot) {
    const { world: next, row, copy } = refresh(world, used, settings)
    const use: Use = { by: 'thief', used, row, copy }
    const name = `the thief uses ${nameOf(used)}: row ${row}`
    const proofs = copy ? withProof(world, copy.gen, world.now + ACCESS_TTL) : world.proofs
    for (const kept of lootsAfter(loot, copy, settings.lootSize)) {
      yield { name, world: { ...next, proofs, loot: kept }, use }
    }
  }
}

/** With more copies than he keeps, the thief may forget any. */
export function lootsAfter(loot: readonly Copy[], copy: Copy | null, size: number): (readonly Copy[])[] {
  if (!copy || loot.some(({ gen, at }) => gen === copy.gen && at === copy.at)) return [loot]
  if (loot.length < size) return [[...loot, copy]]
  return loot.map((forgotten) => [...loot.filter((other) => other !== forgotten), copy])
}

function* storeMoves(world: World, settings: Settings): Generator<Move> {
  for (const { gen } of world.proofs) {
    yield { name: `generation ${gen} is confirmed`, world: confirm(world, gen, settings) }
  }
  if (!world.canFailOver) return
  const { store, replica, now } = world
  if (replica === undefined && store) {
    const since = settings.failoverWithin < Number.POSITIVE_INFINITY ? now : now - ACCESS_TTL
    yield { name: 'the replica falls behind', world: { ...world, replica: store, replicaSince: since } }
  }
  if (replica !== undefined) {
    yield { name: 'the replica takes over', world: { ...world, store: replica, ...NO_REPLICA } }
    yield { name: 'the replica has caught up', world: { ...world, ...NO_REPLICA } }
  }
}

function* clockMoves(world: World, settings: Settings): Generator<Move> {
  for (const step of settings.steps) {
    const now = world.now + step
    if (world.flights.some((flight) => isLate(flight, now, settings))) continue
    if (world.replica !== undefined && now - world.replicaSince >= settings.failoverWithin) continue
    yield { name: `${step / W} W pass`, world: { ...world, now } }
  }
}

function isLate({ sent, since }: Flight, now: number, { legWithin, tripWithin }: Settings): boolean {
  return now - since >= legWithin || now - sent >= tripWithin
}

const NO_REPLICA = { replica: undefined, canFailOver: false }

/** One microsecond has room for one copy; a few in a row are let through, so that ties are tried. */
function isCrowded({ store, now }: World): boolean {
  return store !== null && store.issuedUs > now
}

export function nameOf({ gen, at }: Copy): string {
  return `${gen}@${at / W}`
}

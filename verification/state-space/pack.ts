import { type GenerationRecord, initialState, type Rotation } from '../../lib/store/rotation-rule.js'
import type { Copy, Flight, Proof, Stored, World } from './state.js'

/** Where unpacked worlds have their present, and their generation. */
const NOW = 100_000
const GEN = 1000
/** So that what lies ahead is no negative number. */
const AHEAD = 30_000
const LEGS = ['request', 'answer'] as const

/** A canonical world as a short string: worlds that are alike, but for the hour and the generation, have the same. */
export function pack(world: World): string {
  const base = world.store?.gen ?? world.replica?.gen ?? 0
  const time = (time: number | null) => (time === null ? 0 : inRange(1 + world.now - time + AHEAD))
  const gen = (gen: number) => inRange(1 + gen - base + GEN)
  const minting = ({ issuedAtUs, rotatedFromUs, confirmedAtUs }: GenerationRecord) => [
    time(issuedAtUs),
    time(rotatedFromUs),
    time(confirmedAtUs)
  ]
  const stored = (store: Stored) =>
    store
      ? [
          gen(store.gen),
          time(store.issuedUs),
          lastOf(store),
          ...minting(store.current),
          ...minting(store.previous)
        ]
      : [0]
  const copy = (copy: Copy | null) => (copy ? [gen(copy.gen), time(copy.at)] : [0])
  const flags = [world.canFailOver, world.hasEnded, world.canSteal, world.replica !== undefined]
  return [
    text([flags.reduce((bits, flag) => 2 * bits + Number(flag), 0)]),
    text(stored(world.store)),
    world.replica === undefined ? '' : text(stored(world.replica)),
    text([time(world.replicaSince), time(world.knownUntil)]),
    text(copy(world.jar)),
    list(world.flights, (flight) => [
      1 + LEGS.indexOf(flight.leg),
      ...copy(flight.copy),
      flight.gen === 0 ? 0 : gen(flight.gen),
      time(flight.sent),
      time(flight.since)
    ]),
    list(world.proofs, (proof) => [gen(proof.gen), time(proof.until)]),
    list(world.loot, copy)
  ].join('')
}

/** Sorted: two tabs that change places are the same two tabs. */
function list<T>(items: readonly T[], numbers: (item: T) => number[]): string {
  return [text([items.length]), ...items.map((item) => text(numbers(item))).sort()].join('')
}

function text(numbers: number[]): string {
  return String.fromCharCode(...numbers)
}

function inRange(number: number): number {
  if (number < 1 || number > 0xffff) throw new RangeError(`${number} does not fit`)
  return number
}

export function unpack(packed: string): World {
  let position = 0
  const next = () => packed.charCodeAt(position++)
  const time = () => {
    const number = next()
    return number === 0 ? null : NOW + 1 + AHEAD - number
  }
  const sure = <T>(value: T | null): T => {
    if (value === null) throw new TypeError('a number is missing')
    return value
  }
  const genOf = (number: number) => (number === 0 ? 0 : number - 1)
  const gen = () => genOf(next())
  const minting = (): GenerationRecord => ({
    issuedAtUs: time(),
    rotatedFromUs: time(),
    confirmedAtUs: time()
  })
  const stored = (): Stored => {
    const number = next()
    if (number === 0) return null
    const start: Rotation = initialState(0)
    const issuedUs = sure(time())
    const last = lastFrom(next(), issuedUs)
    return { ...start, gen: genOf(number), issuedUs, last, current: minting(), previous: minting() }
  }
  const copy = (): Copy | null => {
    const number = next()
    return number === 0 ? null : { gen: genOf(number), at: sure(time()) }
  }
  const many = <T>(item: () => T): T[] => Array.from({ length: next() }, item)

  const flags = next()
  const hasReplica = (flags & 1) === 1
  return {
    now: NOW,
    canFailOver: (flags & 8) > 0,
    hasEnded: (flags & 4) > 0,
    canSteal: (flags & 2) > 0,
    store: stored(),
    replica: hasReplica ? stored() : undefined,
    replicaSince: sure(time()),
    knownUntil: time(),
    jar: copy(),
    flights: many(
      (): Flight => ({
        leg: LEGS[next() - 1] as Flight['leg'],
        copy: copy(),
        gen: gen(),
        sent: sure(time()),
        since: sure(time())
      })
    ),
    proofs: many((): Proof => ({ gen: gen(), until: sure(time()) })),
    loot: many(() => sure(copy()))
  }
}

/** Whether the last copy is the last rotation's. */
function lastOf({ last, issuedUs }: Rotation): number {
  if (last === null) return 0
  return issuedUs > last.issuedUs ? 1 : 2
}

function lastFrom(number: number, issuedUs: number): Rotation['last'] {
  return number === 0
    ? null
    : { idempotencyKey: '', row: 4, issuedUs: number === 1 ? issuedUs - 1 : issuedUs }
}

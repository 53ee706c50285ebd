import { type GenerationRecord, initialState, type Rotation } from '../../lib/store/rotation-rule.js'
import type { AccessToken, Copy, PendingRefresh, State, Stored } from './state.js'

/** The time and the offset of the generations in unpacked states. */
const NOW = 100_000
const GEN = 1000
/** Offset that keeps future times positive. */
const AHEAD = 30_000
const DIRECTIONS = ['request', 'response'] as const

/** Packs a canonical state into a short string. States that differ only in absolute time and generation have the same. */
export function pack(state: State): string {
  const base = state.store?.gen ?? state.replica?.gen ?? 0
  const time = (time: number | null) => (time === null ? 0 : inRange(1 + state.now - time + AHEAD))
  const gen = (gen: number) => inRange(1 + gen - base + GEN)
  const record = ({ issuedAtUs, rotatedFromUs, confirmedAtUs }: GenerationRecord) => [
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
          ...record(store.current),
          ...record(store.previous)
        ]
      : [0]
  const copy = (copy: Copy | null) => (copy ? [gen(copy.gen), time(copy.at)] : [0])
  const flags = [state.canFailOver, state.isRevoked, state.canSteal, state.replica !== undefined]
  return [
    text([flags.reduce((bits, flag) => 2 * bits + Number(flag), 0)]),
    text(stored(state.store)),
    state.replica === undefined ? '' : text(stored(state.replica)),
    text([time(state.replicaSince), time(state.revocationKnownUntil)]),
    text(copy(state.cookie)),
    list(state.pendingRefreshes, (pending) => [
      1 + DIRECTIONS.indexOf(pending.direction),
      ...copy(pending.copy),
      pending.gen === 0 ? 0 : gen(pending.gen),
      time(pending.sent),
      time(pending.since)
    ]),
    list(state.accessTokens, (accessToken) => [gen(accessToken.gen), time(accessToken.expiresAt)]),
    list(state.stolen, copy)
  ].join('')
}

/** Sorts the items, because the order of the tabs does not matter. */
function list<T>(items: readonly T[], numbers: (item: T) => number[]): string {
  return [text([items.length]), ...items.map((item) => text(numbers(item))).sort()].join('')
}

function text(numbers: number[]): string {
  return String.fromCharCode(...numbers)
}

function inRange(number: number): number {
  if (number < 1 || number > 0xffff) throw new RangeError(`${number} is not between 1 and 65535`)
  return number
}

export function unpack(packed: string): State {
  let position = 0
  const next = () => packed.charCodeAt(position++)
  const time = () => {
    const number = next()
    return number === 0 ? null : NOW + 1 + AHEAD - number
  }
  const required = <T>(value: T | null): T => {
    if (value === null) throw new TypeError('a required time is missing')
    return value
  }
  const genOf = (number: number) => (number === 0 ? 0 : number - 1)
  const gen = () => genOf(next())
  const record = (): GenerationRecord => ({
    issuedAtUs: time(),
    rotatedFromUs: time(),
    confirmedAtUs: time()
  })
  const stored = (): Stored => {
    const number = next()
    if (number === 0) return null
    const start: Rotation = initialState(0)
    const issuedUs = required(time())
    const last = lastFrom(next(), issuedUs)
    return { ...start, gen: genOf(number), issuedUs, last, current: record(), previous: record() }
  }
  const copy = (): Copy | null => {
    const number = next()
    return number === 0 ? null : { gen: genOf(number), at: required(time()) }
  }
  const many = <T>(item: () => T): T[] => Array.from({ length: next() }, item)

  const flags = next()
  const hasReplica = (flags & 1) === 1
  return {
    now: NOW,
    canFailOver: (flags & 8) > 0,
    isRevoked: (flags & 4) > 0,
    canSteal: (flags & 2) > 0,
    store: stored(),
    replica: hasReplica ? stored() : undefined,
    replicaSince: required(time()),
    revocationKnownUntil: time(),
    cookie: copy(),
    pendingRefreshes: many(
      (): PendingRefresh => ({
        direction: DIRECTIONS[next() - 1] as PendingRefresh['direction'],
        copy: copy(),
        gen: gen(),
        sent: required(time()),
        since: required(time())
      })
    ),
    accessTokens: many((): AccessToken => ({ gen: gen(), expiresAt: required(time()) })),
    stolen: many(() => required(copy()))
  }
}

/** In a canonical state, when a rotation that was repeated has issued its first copy. */
export const LONG_AGO = Number.NEGATIVE_INFINITY

/** Encodes whether the last rotation issued the last copy, or was repeated. */
function lastOf({ last, issuedUs }: Rotation): number {
  if (last === null) return 0
  if (last.issuedUs === LONG_AGO) return 3
  return issuedUs > last.issuedUs ? 1 : 2
}

function lastFrom(number: number, issuedUs: number): Rotation['last'] {
  const times = [undefined, issuedUs - 1, issuedUs, LONG_AGO]
  const time = times[number]
  return time === undefined ? null : { idempotencyKey: '', row: 4, issuedUs: time }
}

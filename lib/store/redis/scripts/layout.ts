/**
 * The stored format of sessions. One string holds all sessions of a user, because each Redis key costs as much memory as
 * the data of a session. All parts before the texts have a fixed size, so that a script finds a session without reading the
 * others, and changes it in place.
 *
 * | part     | bytes      | content                                                                 |
 * | -------- | ---------- | ----------------------------------------------------------------------- |
 * | header   | 10         | format version (1), number of sessions (3), prune_at_ms (6)             |
 * | suffixes | 20 × count | the end of each sid. The tag before it is a part of the key              |
 * | states   | 97 × count | the fields below                                                        |
 * | slots    | the rest   | sub, identity, request metadata, and unused bytes of each session       |
 *
 * Sessions are in the order of creation. A session may stay after it expired: no session has expired before prune_at_ms, and
 * the next write of the whole string removes those that have. `identity` has the lines of `session-serialization.ts`. A
 * slot never becomes smaller, so that request metadata of another size seldom moves the other slots.
 *
 * A write in place keeps the format version. A release that also reads an older format must therefore write the whole string
 * again at the first refresh. test/redis/versions/ shows how.
 *
 * Numbers are big-endian. A time of 0 means none. Names are those of `rotation-rule.ts` in snake case.
 */
const FIELDS = {
  /**
   * Bit 0: remember. Without it the idle timeout is at most 24 hours. Bit 1: the identity begins with the idle timeout of the
   * session in ms. The other bits are reserved.
   */
  flags: 'I1',
  /** End of the absolute lifetime. */
  absolute_expires_ms: 'I6',
  /** Position of the slot, from the first slot. */
  slot_offset: 'I4',
  /** Bytes of the slot, unused ones included. */
  slot_size: 'I2',
  sub_size: 'I2',
  identity_size: 'I2',
  // The fields from here on can change. They are written together.
  metadata_size: 'I2',
  /** When the session expires if it is not refreshed. */
  expires_ms: 'I6',
  /** Current generation. */
  gen: 'I4',
  created_us: 'I7',
  /** Time of issue of the last copy, since created_us. */
  issued_us: 'I6',
  issued_at_us: 'I7',
  rotated_from_us: 'I6',
  confirmed_at_us: 'I7',
  previous_issued_at_us: 'I7',
  previous_rotated_from_us: 'I6',
  previous_confirmed_at_us: 'I7',
  /** The last rotation, for a repeated call. */
  last_idempotency_key: 'c8',
  last_issued_us: 'I6',
  last_row: 'I1'
} as const

type FieldName = keyof typeof FIELDS

const NAMES = Object.keys(FIELDS) as FieldName[]

/** The bits of `flags`. */
export const FLAGS = { remember: 1, ownIdle: 2 } as const

export const FORMAT = 2
/** Of Lua's `struct`: format version, number of sessions, prune_at_ms. */
export const HEADER = '>BI3I6'
export const HEADER_SIZE = 10
/** Characters of a sid after the tag. */
export const SUFFIX_SIZE = 20
export const STATE_SIZE = sizeOf(NAMES)

/** The position of each field in a state, from 0. */
export const OFFSETS = Object.fromEntries(
  NAMES.map((name, i) => [name, sizeOf(NAMES.slice(0, i))])
) as Readonly<Record<FieldName, number>>

/** All fields of a state, for Lua. */
export const STATE = toLua(NAMES)
/** The fields that a refresh changes. They are at the end. */
export const CHANGING = toLua(NAMES.slice(NAMES.indexOf('metadata_size')))
/** The fields about the slot, and the expiry. */
export const SLOT = toLua(NAMES.slice(NAMES.indexOf('slot_offset'), NAMES.indexOf('expires_ms') + 1))

/** Returns a Lua expression that reads one field of a state. */
export function readField(name: FieldName, state: string): string {
  return `(struct.unpack('>${FIELDS[name]}', ${state}, ${OFFSETS[name] + 1}))`
}

function toLua(names: FieldName[]) {
  return { format: `>${names.map((name) => FIELDS[name]).join('')}`, variables: names.join(', ') }
}

function sizeOf(names: FieldName[]): number {
  return names.reduce((sum, name) => sum + Number(FIELDS[name].slice(1)), 0)
}

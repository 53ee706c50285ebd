import type { RevocationReason, Session } from '../../../types/session.js'
import type { CreateOutcome, RefreshOutcome } from '../../../types/session-store.js'
import { tagIn } from '../../tokens/session-id.js'
import { metadataOf, type StoredTexts, toSession } from '../session-serialization.js'
import { FLAGS, OFFSETS, STATE_SIZE, SUFFIX_SIZE } from './scripts/layout.js'

// Replies of scripts as bytes. A session is its suffix, its state and its texts, see scripts/layout.ts.

const CREATED = 1
const REVOKED_BEFORE = 2
const DEADLINE_EXCEEDED = 3
/** Bytes of the outcome and the clock before a created session. */
const CREATE_HEAD = 7

const REFRESH_OUTCOMES = [
  '',
  'rotated',
  'replayed',
  'replayable',
  'conflict',
  'reused',
  'rolled-back',
  'exhausted',
  'revoked',
  'proof-used'
] as const
/** Bytes of outcome, row, clock and another time before the session. */
const REFRESH_HEAD = 14

export function toSessions(tag: string, replies: Buffer[]): Session[] {
  return replies.map((reply) => toListedSession(tag, reply))
}

export function toCreateOutcome(sid: string, reply: Buffer[]): CreateOutcome {
  const [first, ...evicted] = reply as [Buffer, ...Buffer[]]
  const nowMs = first.readUIntBE(1, 6)
  switch (first[0]) {
    case CREATED:
      return {
        outcome: 'created',
        session: toListedSession(tagIn(sid), first, CREATE_HEAD),
        nowMs,
        evicted: toSessions(tagIn(sid), evicted)
      }
    case REVOKED_BEFORE:
      return { outcome: 'revoked', reason: first.toString('latin1', CREATE_HEAD) as RevocationReason }
    case DEADLINE_EXCEEDED:
      return { outcome: 'deadline-exceeded', nowMs }
    default:
      return { outcome: 'limit-reached', sessions: toSessions(tagIn(sid), evicted) }
  }
}

/** @param sent JSON of the request metadata of the call, which a rotation stores */
export function toRefreshOutcome(sid: string, reply: Buffer | null, sent: string | null): RefreshOutcome {
  if (reply === null) return { outcome: 'unknown' }
  const outcome = REFRESH_OUTCOMES[reply[0] as number]
  if (outcome === 'revoked') return { outcome, reason: reply.toString('latin1', 1) as RevocationReason }
  if (outcome === 'proof-used') return { outcome }
  const row = reply[1]
  const nowMs = reply.readUIntBE(2, 6)
  const timeUs = reply.readUIntBE(8, 6)
  const stored = textsIn(reply, REFRESH_HEAD)
  const texts = outcome === 'rotated' && sent !== null ? { ...stored, requestMetadata: sent } : stored
  const session = readState(sid, reply, REFRESH_HEAD, texts)
  switch (outcome) {
    case 'rotated': {
      const isSame = stored.requestMetadata === texts.requestMetadata
      const previousMetadata = isSame ? session.metadata : metadataOf(stored)
      const rotated = {
        outcome,
        row,
        rollback: row !== 4,
        previousMetadata,
        session,
        nowMs,
        issuedUs: timeUs
      }
      return rotated as RefreshOutcome
    }
    case 'replayed':
      return { outcome, row, session, nowMs, issuedUs: timeUs } as RefreshOutcome
    case 'conflict':
      return { outcome, row: 7, retryAfterMs: Math.ceil(timeUs / 1000), session }
    case 'exhausted':
      return { outcome, session }
    default:
      return { outcome, row, session } as RefreshOutcome
  }
}

/** Reads a session whose sid is known: its state and its texts. */
export function readSession(sid: string, bytes: Buffer, at = 0): Session {
  return readState(sid, bytes, at, textsIn(bytes, at))
}

/** Reads the texts after the state at a position. */
function textsIn(bytes: Buffer, at: number): StoredTexts & { sub: string } {
  const identityAt = at + STATE_SIZE + bytes.readUInt16BE(at + OFFSETS.sub_size)
  const metadataAt = identityAt + bytes.readUInt16BE(at + OFFSETS.identity_size)
  return {
    sub: bytes.toString('utf8', at + STATE_SIZE, identityAt),
    identity: bytes.toString('utf8', identityAt, metadataAt),
    requestMetadata: bytes.toString('utf8', metadataAt)
  }
}

function readState(
  sid: string,
  bytes: Buffer,
  at: number,
  { sub, ...texts }: StoredTexts & { sub: string }
): Session {
  const createdMs = readMs(bytes, at + OFFSETS.created_us)
  const gen = bytes.readUInt32BE(at + OFFSETS.gen)
  const remember = ((bytes[at + OFFSETS.flags] as number) & FLAGS.remember) !== 0
  return toSession({ sid, sub, gen, remember }, texts, {
    createdMs,
    lastUsedMs: readMs(bytes, at + OFFSETS.issued_at_us) || createdMs,
    expiresMs: bytes.readUIntBE(at + OFFSETS.expires_ms, 6),
    absoluteExpiresMs: bytes.readUIntBE(at + OFFSETS.absolute_expires_ms, 6)
  })
}

/** Reads a session after the suffix of its sid. */
export function toListedSession(tag: string, reply: Buffer, at = 0): Session {
  const stateAt = at + SUFFIX_SIZE
  return readSession(tag + reply.toString('latin1', at, stateAt), reply, stateAt)
}

/** Reads microseconds of seven bytes as milliseconds. `Buffer` reads at most six bytes at once. */
function readMs(bytes: Buffer, at: number): number {
  return Math.floor(((bytes[at] as number) * 2 ** 48 + bytes.readUIntBE(at + 1, 6)) / 1000)
}

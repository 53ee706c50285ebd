import type { RevocationReason, Session } from '../../../types/session.js'
import type { CreateOutcome, RefreshOutcome } from '../../../types/session-store.js'
import { toSession } from '../session-serialization.js'

/** A session in the reply of a script. `numbers` lists the fields of `SessionNumbers`, separated by spaces. */
export type SessionReply = [
  sid: string,
  numbers: string,
  sub: string,
  identity: string,
  requestMetadata: string
]

type SessionNumbers = [
  gen: number,
  createdMs: number,
  lastUsedMs: number,
  expiresMs: number,
  absoluteExpiresMs: number,
  remember: number
]

type CreateReply =
  | ['created', nowMs: string, session: SessionReply, evicted: SessionReply[]]
  | ['revoked', reason: RevocationReason]
  | ['deadline-exceeded', nowMs: string]

/** `numbers` lists the row, the store's clock in milliseconds, and the time of issue of the copy. */
type IssuanceReply = ['rotated' | 'replayed', numbers: string, session: SessionReply]
type ReportReply = ['replayable' | 'reused' | 'rolled-back' | 'exhausted', row: string, session: SessionReply]
type RefreshReply = IssuanceReply | ReportReply | ['revoked', reason: RevocationReason] | ['unknown']

export function toSessions(replies: SessionReply[]): Session[] {
  return replies.map(toOneSession)
}

export function toCreateOutcome(reply: unknown): CreateOutcome {
  const fields = reply as CreateReply
  if (fields[0] === 'revoked') return { outcome: 'revoked', reason: fields[1] }
  if (fields[0] === 'deadline-exceeded') return { outcome: 'deadline-exceeded', nowMs: Number(fields[1]) }
  const [outcome, nowMs, session, evicted] = fields
  return { outcome, session: toOneSession(session), nowMs: Number(nowMs), evicted: toSessions(evicted) }
}

export function toRefreshOutcome(reply: unknown): RefreshOutcome {
  const fields = reply as RefreshReply
  switch (fields[0]) {
    case 'unknown':
      return { outcome: 'unknown' }
    case 'revoked':
      return { outcome: 'revoked', reason: fields[1] as RevocationReason }
    case 'rotated':
    case 'replayed': {
      const [outcome, numbers, sessionReply] = fields as IssuanceReply
      const [row, nowMs, issuedUs] = toNumbers(numbers)
      const session = toOneSession(sessionReply)
      const refreshed =
        outcome === 'rotated'
          ? { outcome, row, rollback: row !== 4, session, issuedUs, nowMs }
          : { outcome, row, session, issuedUs, nowMs }
      return refreshed as RefreshOutcome
    }
    case 'exhausted':
      return { outcome: 'exhausted', session: toOneSession((fields as ReportReply)[2]) }
    default: {
      const [outcome, row, session] = fields as ReportReply
      return { outcome, row: Number(row), session: toOneSession(session) } as RefreshOutcome
    }
  }
}

export function toOneSession([sid, numbers, sub, identity, requestMetadata]: SessionReply): Session {
  const [gen, createdMs, lastUsedMs, expiresMs, absoluteExpiresMs, remember] = toNumbers(
    numbers
  ) as SessionNumbers
  const texts = { identity, requestMetadata }
  const times = { createdMs, lastUsedMs, expiresMs, absoluteExpiresMs }
  return toSession({ sid, sub, gen, remember: remember === 1 }, texts, times)
}

function toNumbers(text: string): number[] {
  return text.split(' ').map(Number)
}

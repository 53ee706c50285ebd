import type { RevocationReason, Session } from '../../../types/session.js'
import type { CreateOutcome, RefreshOutcome } from '../../../types/session-store.js'
import { toSession } from '../session-serialization.js'

/** A session as the scripts answer it; its numbers are gen, created, last used, expires, ends, and remember (1 or 0). */
export type SessionReply = [
  sid: string,
  numbers: string,
  sub: string,
  identity: string,
  requestMetadata: string
]

type CreateAnswer =
  | ['created', now: string, session: SessionReply, evicted: SessionReply[]]
  | ['revoked', reason: RevocationReason]
  | ['deadline-exceeded', now: string]

/** Its numbers are the row, the clock, and the copy's time of issue. */
type Issued = ['rotated' | 'replayed', numbers: string, session: SessionReply]
type Reported = ['replayable' | 'reused' | 'rolled-back' | 'exhausted', row: string, session: SessionReply]
type RefreshAnswer = Issued | Reported | ['revoked', reason: RevocationReason] | ['unknown']

export function toSessions(views: SessionReply[]): Session[] {
  return views.map(toOneSession)
}

export function toCreateOutcome(answer: unknown): CreateOutcome {
  const fields = answer as CreateAnswer
  if (fields[0] === 'revoked') return { outcome: 'revoked', reason: fields[1] }
  if (fields[0] === 'deadline-exceeded') return { outcome: 'deadline-exceeded', nowMs: Number(fields[1]) }
  const [outcome, now, session, evicted] = fields
  return { outcome, session: toOneSession(session), nowMs: Number(now), evicted: toSessions(evicted) }
}

export function toRefreshOutcome(answer: unknown): RefreshOutcome {
  const fields = answer as RefreshAnswer
  switch (fields[0]) {
    case 'unknown':
      return { outcome: 'unknown' }
    case 'revoked':
      return { outcome: 'revoked', reason: fields[1] as RevocationReason }
    case 'rotated':
    case 'replayed': {
      const [outcome, numbers, view] = fields as Issued
      const [row, nowMs, issuedUs] = toNumbers(numbers)
      const session = toOneSession(view)
      const refreshed =
        outcome === 'rotated'
          ? { outcome, row, rollback: row !== 4, session, issuedUs, nowMs }
          : { outcome, row, session, issuedUs, nowMs }
      return refreshed as RefreshOutcome
    }
    case 'exhausted':
      return { outcome: 'exhausted', session: toOneSession((fields as Reported)[2]) }
    default: {
      const [outcome, row, session] = fields as Reported
      return { outcome, row: Number(row), session: toOneSession(session) } as RefreshOutcome
    }
  }
}

export function toOneSession([sid, numbers, sub, identity, requestMetadata]: SessionReply): Session {
  const [gen, createdMs, lastUsedMs, expiresMs, endsMs, remember] = toNumbers(numbers) as SixNumbers
  const texts = { identity, requestMetadata }
  const times = { createdMs, lastUsedMs, expiresMs, endsMs }
  return toSession({ sid, sub, gen, remember: remember === 1 }, texts, times)
}

type SixNumbers = [number, number, number, number, number, number]

function toNumbers(text: string): number[] {
  return text.split(' ').map(Number)
}

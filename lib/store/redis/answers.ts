import type { RevocationReason, Session } from '../../../types/identity.js'
import type { CreateOutcome, RefreshOutcome } from '../session-store.js'
import { toSession } from '../session-view.js'

/** A session as the scripts answer it: sid, gen, created, last used, expires, ends, identity, metadata. */
export type View = [string, string, string, string, string, string, string, string]

type CreateAnswer =
  | ['created', now: string, session: View, evicted: View[]]
  | ['revoked', reason: RevocationReason]

type RefreshAnswer =
  | ['rotated' | 'replayed', row: string, now: string, issued: string, session: View]
  | ['replayable' | 'reused' | 'rolled-back' | 'exhausted', row: string, session: View]
  | ['revoked', reason: RevocationReason]
  | ['unknown']

export function toSessions(views: View[]): Session[] {
  return views.map(toOneSession)
}

export function toCreateOutcome(answer: unknown): CreateOutcome {
  const fields = answer as CreateAnswer
  if (fields[0] === 'revoked') return { outcome: 'revoked', reason: fields[1] }
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
      const [outcome, row, now, issued, session] = fields as Extract<RefreshAnswer, { length: 5 }>
      return {
        outcome,
        row: Number(row),
        ...(outcome === 'rotated' && { rollback: row !== '4' }),
        session: toOneSession(session),
        issuedUs: Number(issued),
        nowMs: Number(now)
      } as RefreshOutcome
    }
    case 'exhausted':
      return { outcome: 'exhausted', session: toOneSession(fields[2] as View) }
    default: {
      const [outcome, row, session] = fields as Extract<RefreshAnswer, { length: 3 }>
      return { outcome, row: Number(row), session: toOneSession(session) } as RefreshOutcome
    }
  }
}

export function toOneSession([
  sid,
  gen,
  created,
  lastUsed,
  expires,
  ends,
  identity,
  requestMetadata
]: View): Session {
  return toSession(
    sid,
    Number(gen),
    { identity, requestMetadata },
    {
      createdMs: Number(created),
      lastUsedMs: Number(lastUsed),
      expiresMs: Number(expires),
      endsMs: Number(ends)
    }
  )
}

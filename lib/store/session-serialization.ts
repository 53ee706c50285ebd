import type { Claims, Metadata, Session } from '../../types/session.js'
import type { NewSession } from '../../types/session-store.js'

/** What a store keeps of a session as text: the rule never looks into it. */
export interface StoredTexts {
  /** JSON of what the login brought: it never changes. */
  identity: string
  /** JSON of what the last request brought. */
  requestMetadata: string
}

export function toTexts({ claims, metadata, requestMetadata }: NewSession): StoredTexts {
  return {
    identity: JSON.stringify({ claims: orNothing(claims), metadata: orNothing(metadata) }),
    requestMetadata: JSON.stringify(requestMetadata)
  }
}

/** What is empty takes no memory. */
function orNothing(value: object): object | undefined {
  return Object.keys(value).length === 0 ? undefined : value
}

export interface StoredTimes {
  createdMs: number
  lastUsedMs: number
  expiresMs: number
  endsMs: number
}

/** Written out: a literal that starts with a spread costs as much as all of the rest of a refresh's JSON. */
export function toSession(
  { sid, sub, gen, remember }: Pick<Session, 'sid' | 'sub' | 'gen' | 'remember'>,
  texts: StoredTexts,
  times: StoredTimes
): Session {
  const identity: { claims?: Claims; metadata?: Metadata } = JSON.parse(texts.identity)
  return {
    sid,
    sub,
    gen,
    createdAt: new Date(times.createdMs),
    lastUsedAt: new Date(times.lastUsedMs),
    expiresAt: new Date(times.expiresMs),
    absoluteExpiresAt: new Date(times.endsMs),
    remember,
    claims: identity.claims ?? {},
    metadata: Object.assign(JSON.parse(texts.requestMetadata), identity.metadata)
  }
}

import type { Session } from '../../types/identity.js'
import type { NewSession } from './session-store.js'

/** What a store keeps of a session beside its rotation, as text: the rule never looks into it. */
export interface StoredTexts {
  /** JSON of what the login brought: it never changes. */
  identity: string
  /** JSON of what the last request brought. */
  requestMetadata: string
}

export function toTexts(session: NewSession): StoredTexts {
  const { sub, claims, remember, metadata, requestMetadata } = session
  return {
    identity: JSON.stringify({ sub, claims, remember, metadata }),
    requestMetadata: JSON.stringify(requestMetadata)
  }
}

export interface StoredTimes {
  createdMs: number
  lastUsedMs: number
  expiresMs: number
  endsMs: number
}

export function toSession(sid: string, gen: number, texts: StoredTexts, times: StoredTimes): Session {
  const { sub, claims, remember, metadata } = JSON.parse(texts.identity)
  return {
    sid,
    sub,
    gen,
    createdAt: new Date(times.createdMs),
    lastUsedAt: new Date(times.lastUsedMs),
    expiresAt: new Date(times.expiresMs),
    endsAt: new Date(times.endsMs),
    remember,
    claims,
    metadata: { ...JSON.parse(texts.requestMetadata), ...metadata }
  }
}

import type { Claims, Metadata, Session } from '../../types/session.js'
import type { NewSession } from '../../types/session-store.js'

/** The parts of a session that a store keeps as text. The rotation rule does not use them. */
export interface StoredTexts {
  /** JSON of the claims, the metadata and the key of the login. Never changes. */
  identity: string
  /** JSON of the metadata of the last request. */
  requestMetadata: string
}

export function toTexts({ claims, metadata, jkt, requestMetadata }: NewSession): StoredTexts {
  return {
    identity: JSON.stringify({ claims: omitEmpty(claims), metadata: omitEmpty(metadata), jkt }),
    requestMetadata: JSON.stringify(requestMetadata)
  }
}

/** Saves memory: JSON omits undefined properties. */
function omitEmpty(value: object): object | undefined {
  return Object.keys(value).length === 0 ? undefined : value
}

export interface StoredTimes {
  createdMs: number
  lastUsedMs: number
  expiresMs: number
  absoluteExpiresMs: number
}

/** Lists all properties: an object literal with a spread takes as long as all JSON work of a refresh. */
export function toSession(
  { sid, sub, gen, remember }: Pick<Session, 'sid' | 'sub' | 'gen' | 'remember'>,
  texts: StoredTexts,
  times: StoredTimes
): Session {
  const identity: { claims?: Claims; metadata?: Metadata; jkt?: string } = JSON.parse(texts.identity)
  return {
    sid,
    sub,
    gen,
    createdAt: new Date(times.createdMs),
    lastUsedAt: new Date(times.lastUsedMs),
    expiresAt: new Date(times.expiresMs),
    absoluteExpiresAt: new Date(times.absoluteExpiresMs),
    remember,
    jkt: identity.jkt ?? null,
    claims: identity.claims ?? {},
    metadata: Object.assign(JSON.parse(texts.requestMetadata), identity.metadata)
  }
}

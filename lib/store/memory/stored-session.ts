import type { Session } from '../../../types/session.js'
import type { Rotation } from '../rotation-rule.js'
import { type StoredTexts, toSession } from '../session-serialization.js'

/** A session as the memory store keeps it. All times are microseconds of its clock. */
export interface StoredSession extends StoredTexts {
  sid: string
  sub: string
  remember: boolean
  /** The idle timeout of this session, if it has its own. */
  ownIdleMs: number | undefined
  rotation: Rotation
  expiresUs: number
  absoluteExpiresUs: number
}

export function sessionOf(stored: StoredSession): Session {
  const { sid, sub, remember, rotation, expiresUs, absoluteExpiresUs } = stored
  return toSession({ sid, sub, gen: rotation.gen, remember }, stored, {
    createdMs: toMs(rotation.createdUs),
    lastUsedMs: toMs(rotation.current.issuedAtUs ?? rotation.createdUs),
    expiresMs: toMs(expiresUs),
    absoluteExpiresMs: toMs(absoluteExpiresUs)
  })
}

export function toMs(timeUs: number): number {
  return Math.floor(timeUs / 1000)
}

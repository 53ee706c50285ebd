import type { Session } from '../../types/session.js'

const HOUR_MS = 60 * 60 * 1000

/**
 * Returns a session as the routes show it to its user. Rounds the times of use to the hour, so that an attacker with an access
 * token cannot observe the user's activity.
 */
export function sessionResponse(session: Session, currentSid?: string) {
  const { sid, name, createdAt, lastUsedAt, expiresAt, absoluteExpiresAt, jkt, metadata } = session
  // Not before `created_at`, which is exact.
  const lastUsedMs = Math.max(Math.floor(lastUsedAt.getTime() / HOUR_MS) * HOUR_MS, createdAt.getTime())
  const expiresMs = Math.min(Math.ceil(expiresAt.getTime() / HOUR_MS) * HOUR_MS, absoluteExpiresAt.getTime())
  return {
    id: sid,
    // A custom store may not return it, and neither `jkt`.
    name: name ?? null,
    created_at: createdAt.toISOString(),
    last_used_at: new Date(lastUsedMs).toISOString(),
    expires_at: new Date(expiresMs).toISOString(),
    current: sid === currentSid,
    bound: Boolean(jkt),
    metadata
  }
}

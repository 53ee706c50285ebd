import type { IssuedToken } from './access-token.js'
import type { Runtime } from './runtime.js'

/** What a tab tells the others: a refreshed token, a login or a logout. */
export type TabMessage =
  | { type: 'token' | 'login'; token: IssuedToken }
  | { type: 'logout'; token?: undefined }

/** Each tab counts on a clock of its own, so that the expiry is sent by the wall clock, which all tabs share. */
export function encodeMessage({ now, wallNow }: Runtime, { type, token }: TabMessage): object {
  return { type, ...token, ...(token && { expiresAt: token.expiresAt - now() + wallNow() }) }
}

/**
 * Returns the message with the lifetime that remains now, because a suspended tab reads it late. Returns `undefined` for
 * data of another sender, such as another release.
 */
export function decodeMessage({ now, wallNow }: Runtime, data: unknown): TabMessage | undefined {
  const { type, value, lifetimeMs, expiresAt } = (data ?? {}) as { type?: TabMessage['type'] } & IssuedToken
  if (type === 'logout') return { type }
  if ((type !== 'token' && type !== 'login') || typeof value !== 'string') return undefined
  // At most the whole lifetime, because the wall clock may have been set back.
  const validMs = Math.min(lifetimeMs, expiresAt - wallNow())
  // `NaN` without the two times.
  if (!(validMs <= lifetimeMs)) return undefined
  return { type, token: { value, lifetimeMs, expiresAt: now() + validMs } }
}

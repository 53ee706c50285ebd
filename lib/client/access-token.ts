/** An access token, received from the server or from another tab. */
export interface IssuedToken {
  value: string
  lifetimeMs: number
  /** By the clock of the runtime. */
  expiresAt: number
}

/**
 * Returns the access token of a token response (RFC 6749, section 5.1), or `undefined` if the body is not one.
 * @param sentAt when the request was sent. The lifetime counts from then, because the response may be read much later,
 * for example by a tab that was suspended
 */
export function issuedTokenOf(
  body: Record<string, unknown> | undefined,
  sentAt: number
): IssuedToken | undefined {
  const { access_token: value, expires_in: seconds } = body ?? {}
  if (typeof value !== 'string' || typeof seconds !== 'number') return undefined
  return { value, lifetimeMs: seconds * 1000, expiresAt: sentAt + seconds * 1000 }
}

/** Decodes the payload of a JWT. Each character of the result is one byte of UTF-8. */
export function payloadBytesOf(token: string): string {
  return atob((token.split('.')[1] as string).replace(/-/g, '+').replace(/_/g, '/'))
}

/**
 * Returns the subject, only to compare it: characters outside of ASCII are not decoded. Does not verify the token,
 * because the server does. Returns `undefined` for a token that is not a JWT.
 */
export function subjectOf(token: string): unknown {
  try {
    return JSON.parse(payloadBytesOf(token)).sub
  } catch {
    return undefined
  }
}

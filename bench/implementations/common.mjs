// Common to all implementations: the secret, lifetimes, names, and the size of tokens.

export const SECRET = 'a secret for benchmarks, which is as long as it needs to be'

/** Longer than a run, so that no token expires during it. */
export const ACCESS_TTL_SECONDS = 3600
export const REFRESH_TTL_SECONDS = 14 * 24 * 60 * 60

export const COOKIE = '__Host-refresh_token'
export const COOKIE_ATTRIBUTES = {
  path: '/',
  httpOnly: true,
  secure: true,
  sameSite: 'strict',
  maxAge: REFRESH_TTL_SECONDS
}

/** Returns the name of a user. All names have the same length. */
export function userName(number) {
  return `user-${String(number).padStart(7, '0')}`
}

/** Returns the body of the response to a login or a refresh. */
export function tokenResponse(accessToken) {
  return { access_token: accessToken, token_type: 'Bearer', expires_in: ACCESS_TTL_SECONDS }
}

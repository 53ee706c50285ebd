/** What all contestants have in common: the same secret, lifetimes and names, and tokens of the same size. */

export const SECRET = 'a secret for benchmarks, which is as long as it needs to be'

/** Longer than a run: nothing expires while it is measured. */
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

/** Users are numbered, and their names are all of one length. */
export function userName(number) {
  return `user-${String(number).padStart(7, '0')}`
}

/** The body of a login's and a refresh's answer. */
export function tokenResponse(accessToken) {
  return { access_token: accessToken, token_type: 'Bearer', expires_in: ACCESS_TTL_SECONDS }
}

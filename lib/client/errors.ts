/**
 * The server could not be reached, was busy, or answered what it should not: the session is kept, and it may be
 * tried again. Known by its `code`, whichever build made it.
 */
export class UnavailableError extends Error {
  readonly code = 'FRT_ERR_CLIENT_UNAVAILABLE'
  override readonly name = 'UnavailableError'
}

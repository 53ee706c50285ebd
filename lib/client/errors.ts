/**
 * The server was unreachable or busy, it sent an unexpected response, or the token storage failed. The session is kept,
 * and the call can be retried. Check `code` instead of the class, because a bundle may contain two copies of the class.
 */
export class UnavailableError extends Error {
  readonly code = 'FRT_ERR_CLIENT_UNAVAILABLE'
  override readonly name = 'UnavailableError'
}

/**
 * The server was unreachable or busy, or it sent an unexpected response. The session is kept, and the call can be
 * retried. The message names the address, the status and the code of the response. Check `code` instead of the class,
 * because a bundle may contain two copies of the class.
 */
export class UnavailableError extends Error {
  readonly code = 'FRT_ERR_CLIENT_UNAVAILABLE'
  override readonly name = 'UnavailableError'
  /**
   * The error code of the response, if `logoutAll` or `logoutOthers` rejected. With `FRT_ERR_INSUFFICIENT_AUTHENTICATION`
   * the user must authenticate again.
   */
  declare readonly serverCode?: string | undefined
}

import type { IssuedToken } from './access-token.js'
import { RESPONSE_TIMEOUT_MS, readJson } from './post-to-route.js'
import type { Refresh } from './refresh.js'
import type { Runtime } from './runtime.js'
import { createSendable, isRequest } from './sendable-request.js'
import type { SessionState } from './session-state.js'
import { inTime, rejectOnAbort } from './time-limit.js'
import type { FetchFunction } from './types.js'

const INVALID_TOKEN = /\berror="invalid_token"/
/** A cross-origin script cannot read the header. It reads these codes from the body. */
const INVALID_TOKEN_CODE = /^FRT_ERR_(ACCESS_TOKEN_(EXPIRED|INVALID)|SESSION_REVOKED)$/

/**
 * Creates a `fetch` that sends the access token. If the server rejects the token, it refreshes and sends again.
 * @param needsToken returns whether requests to the URL get the access token
 */
export function createAuthenticatedFetch(
  runtime: Runtime,
  session: SessionState,
  refresh: Refresh,
  baseUrl: URL,
  accessTokenHeader: string,
  needsToken: (url: URL) => boolean
): FetchFunction {
  return async (input, init) => {
    // Copied, because an iterator can be read only once.
    if (init?.headers && !isRequest(init)) init = { ...init, headers: new Headers(init.headers) }
    const { url: inputUrl, headers: inputHeaders } = input as Partial<Request>
    const url = new URL(inputUrl ?? (input as string), baseUrl)
    const target = isRequest(input) ? input : url
    // The caller may send a token of their own.
    const hasToken = new Headers(init?.headers ?? inputHeaders).has(accessTokenHeader)
    if (hasToken || !needsToken(url)) return runtime.fetch(target, init)

    const { send, signal, isOneShot } = createSendable(runtime, target, init, accessTokenHeader)
    const { subject } = session
    // A call of one user is not sent with the token of another user who has logged in meanwhile.
    const currentToken = () => (subject && session.subject !== subject ? null : session.token)
    const tokenBefore = session.token
    // A one-shot request cannot be sent again, so its token must not expire on the way.
    const usable = () => findUsableToken(session, refresh, isOneShot ? 2 : 1, 0)
    // Any other request uses a valid token immediately. A due refresh runs beside it.
    const isValid = !isOneShot && session.validMs() > 0
    if (isValid) usable().catch(() => {})
    else await rejectOnAbort(usable, signal)
    const token = isValid ? tokenBefore : currentToken()
    const response = await send(token)
    if (token === null || !(await isTokenRejected(runtime, response))) return response
    if (isOneShot) {
      refresh(token).catch(() => {})
      return response
    }
    // Refresh only if no other request did, and if the rejected token was not refreshed for this request.
    if (session.token === token && token === tokenBefore) {
      await rejectOnAbort(() => refresh(token), signal).catch((error) => {
        release(response)
        throw error
      })
    }
    const newToken = currentToken()
    if (newToken === null || newToken === token) return response
    release(response)
    return send(newToken)
  }
}

/** Releases the connection of a response that is dropped. */
function release(response: Response): void {
  response.body?.cancel().catch(() => {})
}

/**
 * Returns the access token. Refreshes it first if it expires soon, or if it is unknown whether a session exists.
 * @param margins the required validity, as a multiple of the token's refresh margin
 */
export async function findUsableToken(
  session: SessionState,
  refresh: Refresh,
  margins: number,
  minValidityMs: number
): Promise<IssuedToken | null> {
  if (session.isEnded || !session.isDue(margins, minValidityMs)) return session.token
  try {
    await refresh(session.token)
  } catch (error) {
    // The current token is still valid for now.
    if (session.validMs() <= minValidityMs) throw error
  }
  return session.token
}

/**
 * Detects an invalid access token (RFC 6750, section 3.1). A 403 does not count: it concerns the user's permissions, so
 * another token would not help.
 */
export async function isTokenRejected(runtime: Runtime, response: Response): Promise<boolean> {
  if (response.status !== 401) return false
  if (INVALID_TOKEN.test(response.headers.get('www-authenticate') as string)) return true
  // If the body is cut off or does not end, the caller gets the response as it is.
  const body = await inTime(runtime, RESPONSE_TIMEOUT_MS, () => readJson(response.clone())).catch(() => {})
  return INVALID_TOKEN_CODE.test(body?.code as string)
}

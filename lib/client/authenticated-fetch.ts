import { readJson } from './auth-api.js'
import type { Runtime } from './runtime.js'
import type { SessionState } from './session-state.js'
import type { TokenRefresher } from './token-refresher.js'

const INVALID_TOKEN = /\berror="invalid_token"/
/** A cross-origin script cannot read the header. It reads these codes from the body. */
const INVALID_TOKEN_CODES = new Set<unknown>([
  'FRT_ERR_ACCESS_TOKEN_EXPIRED',
  'FRT_ERR_ACCESS_TOKEN_INVALID',
  'FRT_ERR_SESSION_REVOKED'
])

type Input = Parameters<typeof globalThis.fetch>[0]

interface AuthenticatedFetchDependencies {
  runtime: Runtime
  session: SessionState
  refresher: TokenRefresher
  baseUrl: URL
  /** Origins that receive the access token. */
  origins: ReadonlySet<string>
  /** URLs that never need an access token. */
  publicUrls: ReadonlySet<string>
}

/** A request that can be sent again with another access token. */
interface SendableRequest {
  send(token: string | null): Promise<Response>
  signal: AbortSignal | null | undefined
  isOneShot: boolean
}

/** Creates a `fetch` that sends the access token. If the server rejects the token, it refreshes and sends again. */
export function createAuthenticatedFetch(deps: AuthenticatedFetchDependencies): typeof globalThis.fetch {
  const { runtime, session, refresher } = deps

  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input, deps.baseUrl)
    const needsToken = deps.origins.has(url.origin) && !deps.publicUrls.has(url.origin + url.pathname)
    if (!needsToken || hasAuthorization(input, init)) return runtime.fetch(resolveInput(input, url), init)

    const { send, signal, isOneShot } = createSendable(runtime, input, url, init)
    const tokenBefore = session.token
    // A one-shot request cannot be sent again, so its token must not expire on the way.
    const usable = () => findUsableToken(deps, isOneShot ? 2 : 1)
    // Any other request uses a valid token immediately. A due refresh runs beside it.
    const isValid = !isOneShot && session.validMs > 0
    if (isValid) usable().catch(() => {})
    const token = isValid ? tokenBefore : await rejectOnAbort(usable, signal)
    const response = await send(token)
    if (token === null || !(await isTokenRejected(response))) return response
    if (isOneShot) {
      refresher.refresh(token).catch(() => {})
      return response
    }
    // Refresh only if no other request did, and if the rejected token was not refreshed for this request.
    if (session.token === token && token === tokenBefore) {
      await rejectOnAbort(() => refresher.refresh(token), signal)
    }
    const newToken = session.token
    if (newToken === null || newToken === token) return response
    // Releases the connection of the dropped response.
    response.body?.cancel().catch(() => {})
    return send(newToken)
  }
}

/**
 * Returns the access token. Refreshes it first if it expires soon, or if it is unknown whether a session exists.
 * @param margins the required validity, as a multiple of the token's refresh margin
 */
export async function findUsableToken(
  { session, refresher }: Pick<AuthenticatedFetchDependencies, 'session' | 'refresher'>,
  margins: number,
  minValidityMs = 0
): Promise<string | null> {
  if (session.isEnded || session.validMs > Math.max(minValidityMs, margins * session.marginMs))
    return session.token
  try {
    await refresher.refresh(session.token)
  } catch (error) {
    // The current token is still valid for now.
    if (session.validMs <= minValidityMs) throw error
  }
  return session.token
}

function createSendable(
  runtime: Runtime,
  input: Input,
  url: URL,
  init: RequestInit | undefined
): SendableRequest {
  if (input instanceof Request) {
    const request = new Request(input, init)
    const send = (token: string | null) => {
      // Sending consumes the body, so each attempt sends a clone.
      const copy = request.clone()
      setAuthorization(copy.headers, token)
      return runtime.fetch(copy)
    }
    return { send, signal: request.signal, isOneShot: false }
  }
  const send = (token: string | null) => {
    const headers = new Headers(init?.headers)
    setAuthorization(headers, token)
    return runtime.fetch(url, { ...init, headers })
  }
  return { send, signal: init?.signal, isOneShot: isStream(init?.body) }
}

function setAuthorization(headers: Headers, token: string | null): void {
  if (token !== null) headers.set('authorization', `Bearer ${token}`)
}

/** Returns `true` if the caller sends an `Authorization` header of their own. */
function hasAuthorization(input: Input, init: RequestInit | undefined): boolean {
  const headers = init?.headers ?? (input instanceof Request ? input.headers : undefined)
  return new Headers(headers).has('authorization')
}

function resolveInput(input: Input, url: URL): Input {
  return input instanceof Request ? input : url
}

/** Returns `true` for a body that can be read only once. */
function isStream(body: unknown): boolean {
  return typeof body === 'object' && body !== null && ('getReader' in body || Symbol.asyncIterator in body)
}

/**
 * Detects an invalid access token (RFC 6750, section 3.1). A 403 does not count: it concerns the user's permissions, so
 * another token would not help.
 */
async function isTokenRejected(response: Response): Promise<boolean> {
  if (response.status !== 401) return false
  if (INVALID_TOKEN.test(response.headers.get('www-authenticate') ?? '')) return true
  return INVALID_TOKEN_CODES.has((await readJson(response.clone()))?.code)
}

/** Rejects when the caller aborts. The work continues, because other callers may share it. */
async function rejectOnAbort<T>(work: () => Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return work()
  return new Promise<T>((resolve, reject) => {
    // Signals of React Native have no `reason`.
    const abort = () => reject(signal.reason ?? Object.assign(new Error('Aborted'), { name: 'AbortError' }))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort)
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
}

import { readJson } from './auth-api.js'
import type { Environment } from './runtime.js'
import type { Session } from './session-state.js'
import type { Refresher } from './token-refresher.js'

const INVALID_TOKEN = /\berror="invalid_token"/
/** For scripts of another origin, which cannot read the header. */
const INVALID_TOKEN_CODES = new Set<unknown>([
  'FRT_ERR_ACCESS_TOKEN_EXPIRED',
  'FRT_ERR_ACCESS_TOKEN_INVALID',
  'FRT_ERR_SESSION_REVOKED'
])

type Input = Parameters<typeof globalThis.fetch>[0]

interface Parts {
  environment: Environment
  session: Session
  refresher: Refresher
  baseUrl: URL
  /** Origins that may see the access token. */
  origins: ReadonlySet<string>
  /** Addresses that never need one. */
  open: ReadonlySet<string>
}

/** A request that can be sent with one access token, and with another. */
interface Sendable {
  send(token: string | null): Promise<Response>
  signal: AbortSignal | null | undefined
  isOneShot: boolean
}

/** `fetch` with the access token, and with another where the server says that it is no good. */
export function createGuardedFetch(parts: Parts): typeof globalThis.fetch {
  const { environment, session, refresher } = parts

  return async (input, init) => {
    const address = new URL(input instanceof Request ? input.url : input, parts.baseUrl)
    const isOurs = parts.origins.has(address.origin) && !parts.open.has(address.origin + address.pathname)
    if (!isOurs || namesToken(input, init)) return environment.fetch(toInput(input, address), init)

    const { send, signal, isOneShot } = sendable(environment, input, address, init)
    const before = session.token
    // What cannot be sent again should not be refused for a token that has just expired.
    const usable = () => usableToken(parts, isOneShot ? 2 : 1)
    // All else goes with what is good yet, and does not wait for what the next will need.
    const isGood = !isOneShot && session.validMs > 0
    if (isGood) usable().catch(() => {})
    const token = isGood ? before : await orAbort(usable, signal)
    const response = await send(token)
    if (token === null || !(await isTokenRefused(response))) return response
    if (isOneShot) {
      refresher.refresh(token).catch(() => {})
      return response
    }
    // Another request may have got a fresh one by now; one that is refused as fresh as it is, no refresh mends.
    if (session.token === token && token === before) await orAbort(() => refresher.refresh(token), signal)
    const fresh = session.token
    if (fresh === null || fresh === token) return response
    // What it still holds is nobody's, also where it breaks off.
    response.body?.cancel().catch(() => {})
    return send(fresh)
  }
}

/**
 * The access token, refreshed first if it has not long to live, or if it is not known whether there is one.
 * @param margins how long that is, in the margins of the token
 */
export async function usableToken(
  { session, refresher }: Pick<Parts, 'session' | 'refresher'>,
  margins: number,
  minValidityMs = 0
): Promise<string | null> {
  if (session.isOver || session.validMs > Math.max(minValidityMs, margins * session.marginMs))
    return session.token
  try {
    await refresher.refresh(session.token)
  } catch (error) {
    // Good for the moment.
    if (session.validMs <= minValidityMs) throw error
  }
  return session.token
}

function sendable(
  environment: Environment,
  input: Input,
  address: URL,
  init: RequestInit | undefined
): Sendable {
  if (input instanceof Request) {
    const request = new Request(input, init)
    const send = (token: string | null) => {
      // Its body is read as it is sent: each time another copy is.
      const copy = request.clone()
      authorize(copy.headers, token)
      return environment.fetch(copy)
    }
    return { send, signal: request.signal, isOneShot: false }
  }
  const send = (token: string | null) => {
    const headers = new Headers(init?.headers)
    authorize(headers, token)
    return environment.fetch(address, { ...init, headers })
  }
  return { send, signal: init?.signal, isOneShot: isStream(init?.body) }
}

function authorize(headers: Headers, token: string | null): void {
  if (token !== null) headers.set('authorization', `Bearer ${token}`)
}

/** The caller has a token of his own. */
function namesToken(input: Input, init: RequestInit | undefined): boolean {
  const headers = init?.headers ?? (input instanceof Request ? input.headers : undefined)
  return new Headers(headers).has('authorization')
}

function toInput(input: Input, address: URL): Input {
  return input instanceof Request ? input : address
}

/** A stream is read once. */
function isStream(body: unknown): boolean {
  return typeof body === 'object' && body !== null && ('getReader' in body || Symbol.asyncIterator in body)
}

/** RFC 6750 section 3.1. A 403 is about what the user may do: another token would not help. */
async function isTokenRefused(response: Response): Promise<boolean> {
  if (response.status !== 401) return false
  if (INVALID_TOKEN.test(response.headers.get('www-authenticate') ?? '')) return true
  return INVALID_TOKEN_CODES.has((await readJson(response.clone()))?.code)
}

/** Who aborts stops waiting: what others wait for goes on. */
async function orAbort<T>(work: () => Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return work()
  return new Promise<T>((resolve, reject) => {
    // Signals of React Native know no reason.
    const abort = () => reject(signal.reason ?? Object.assign(new Error('Aborted'), { name: 'AbortError' }))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort)
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
}

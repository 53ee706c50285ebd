import { type Answer, issuedToken, type Server } from './auth-api.js'
import { UnavailableError } from './errors.js'
import type { Retry, Tried } from './retry.js'
import type { IssuedToken, Session } from './session-state.js'
import type { Tabs } from './tab-sync.js'
import type { KeptToken } from './token-storage.js'

/** What ends a session. Any other answer, a 401 of somebody else included, leaves it alone. */
const TERMINAL = new Set<unknown>([
  'FRT_ERR_NO_REFRESH_TOKEN',
  'FRT_ERR_REFRESH_TOKEN_INVALID',
  'FRT_ERR_REFRESH_TOKEN_EXPIRED',
  'FRT_ERR_REFRESH_TOKEN_REUSED',
  'FRT_ERR_SESSION_REVOKED'
])

const DONE: Tried = { done: true }

interface Parts {
  session: Session
  server: Server
  tabs: Tabs
  retry: Retry
  /** Null in cookie mode. */
  kept: KeptToken | null
}

/** Gets a fresh access token: one call, however many wait for it. */
export class Refresher {
  readonly #parts: Parts
  #running: { epoch: number; refreshed: Promise<void> } | null = null

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * Resolves when there is another access token than that, or the session is over.
   * @throws `UnavailableError` where neither can be said for now
   */
  refresh(stale: string | null): Promise<void> {
    const { session, retry, tabs } = this.#parts
    const { epoch } = session
    if (this.#running?.epoch === epoch) return this.#running.refreshed
    // Left to arrive, its cookie could take the place of that of a login.
    const aborter = new AbortController()
    session.onChange = () => aborter.abort()
    const { signal } = aborter
    const refreshed = retry.untilDone(
      () => tabs.takeTurn(() => this.#try(stale, epoch, signal), signal),
      signal
    )
    const running = { epoch, refreshed }
    this.#running = running
    const settle = () => {
      if (this.#running === running) this.#running = null
    }
    refreshed.then(settle, settle)
    return refreshed
  }

  async #try(stale: string | null, epoch: number, signal: AbortSignal): Promise<Tried> {
    const { session, server, kept } = this.#parts
    // While it waited: a login, a logout, or another tab's refresh.
    if (session.epoch !== epoch || session.token !== stale) return DONE
    const refreshToken = kept && (await kept.get())
    if (kept && !refreshToken) {
      session.end('FRT_ERR_NO_REFRESH_TOKEN')
      return DONE
    }
    let answer: Answer
    try {
      answer = await server.ask(
        '/refresh',
        refreshToken === null ? undefined : { refresh_token: refreshToken },
        { signal }
      )
    } catch (cause) {
      if (signal.aborted) return DONE
      // The server may have rotated: the same token once more is what its replay is for.
      return { done: false, retryAfterMs: 0, cause }
    }
    // A logout that came meanwhile wins.
    return session.epoch === epoch ? this.#take(answer, refreshToken) : DONE
  }

  async #take({ status, body, retryAfterMs }: Answer, refreshToken: string | null): Promise<Tried> {
    const token = issuedToken(body)
    if (status === 200 && token) return this.#renew(token, refreshToken, body.refresh_token)
    if (status === 401 && TERMINAL.has(body.code)) return this.#end(body.code as string, refreshToken)
    const cause = new Error(`${status} ${String(body.code ?? '')}`)
    if (status === 429 || status >= 500) return { done: false, retryAfterMs, cause }
    throw new UnavailableError('the server did not answer as it should', { cause })
  }

  async #renew(token: IssuedToken, refreshToken: string | null, next: unknown): Promise<Tried> {
    const { session, tabs, kept } = this.#parts
    const { epoch } = session
    // First that: an access token that was used confirms the refresh token that it came with.
    if (kept && refreshToken !== null && typeof next === 'string') await kept.replace(refreshToken, next)
    if (session.epoch === epoch) {
      session.renew(token)
      tabs.tell({ type: 'token', token })
    }
    return DONE
  }

  async #end(code: string, refreshToken: string | null): Promise<Tried> {
    const { session, kept } = this.#parts
    const { epoch } = session
    const isLast = !kept || refreshToken === null || (await kept.replace(refreshToken, null))
    // Another tab has logged in meanwhile, and kept a token that may be good.
    if (!isLast) return { done: false, retryAfterMs: 0, cause: new Error(code) }
    if (session.epoch === epoch) session.end(code)
    return DONE
  }
}

import type { Runtime } from './runtime.js'
import type { SessionEndReason } from './types.js'

/** An access token, received from the server or from another tab. */
export interface IssuedToken {
  value: string
  /** The remaining lifetime at the time of receipt. */
  validMs: number
}

interface AccessToken {
  value: string
  expiresAt: number
  /** The token is refreshed when less than this time remains. Random, so that tabs do not refresh at once. */
  marginMs: number
}

const MAX_MARGIN_MS = 30_000

/** Holds the session state of this tab and the access token, in memory only. */
export class SessionState {
  readonly #runtime: Runtime
  readonly #onEnd: (reason: SessionEndReason) => void
  #state: 'unknown' | 'active' | 'ended' = 'unknown'
  #token: AccessToken | null = null
  #epoch = 0
  /** Called after each login and logout. */
  onChange: (() => void) | undefined

  constructor(runtime: Runtime, onEnd: (reason: SessionEndReason) => void) {
    this.#runtime = runtime
    this.#onEnd = onEnd
  }

  /** Changes with each login and logout. A response to a request of an earlier epoch is dropped. */
  get epoch(): number {
    return this.#epoch
  }

  get isEnded(): boolean {
    return this.#state === 'ended'
  }

  get token(): string | null {
    return this.#token?.value ?? null
  }

  /** The remaining lifetime of the access token. Counts from its receipt, so that clock differences do not matter. */
  get validMs(): number {
    return this.#token ? this.#token.expiresAt - this.#runtime.now() : 0
  }

  get marginMs(): number {
    return this.#token?.marginMs ?? 0
  }

  start(issued: IssuedToken): void {
    this.#setToken(issued)
    this.#change()
  }

  /** Sets a refreshed token. Does nothing if the session has ended, so that a late response does not restore it. */
  updateToken(issued: IssuedToken): void {
    if (!this.isEnded) this.#setToken(issued)
  }

  end(reason: SessionEndReason): void {
    const isLogout = reason === 'logout'
    // After a page load it is unknown whether a session existed. The reason shows it.
    const mustReport = this.#state === 'active' || (!this.isEnded && reason !== 'FRT_ERR_NO_REFRESH_TOKEN')
    this.#state = 'ended'
    this.#token = null
    // Only a logout starts a new epoch: a session that the server ended must not cancel a login in progress.
    if (isLogout) this.#change()
    if (mustReport) this.#onEnd(reason)
  }

  #change(): void {
    this.#epoch++
    this.onChange?.()
  }

  #setToken({ value, validMs }: IssuedToken): void {
    const { now, random } = this.#runtime
    const marginMs = Math.min(MAX_MARGIN_MS, validMs * (0.05 + 0.1 * random()))
    this.#state = 'active'
    this.#token = { value, expiresAt: now() + validMs, marginMs }
  }
}

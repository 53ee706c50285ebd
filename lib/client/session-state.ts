import type { Environment } from './runtime.js'
import type { SessionEndReason } from './types.js'

/** An access token as the server gave it, or another tab. */
export interface IssuedToken {
  value: string
  /** From now on. */
  validMs: number
}

interface AccessToken {
  value: string
  expiresAt: number
  /** It is time for another when less than this is left: not in all tabs at once. */
  marginMs: number
}

const MAX_MARGIN_MS = 30_000

/** Whether there is a session, as far as this tab knows, and its access token: in memory alone. */
export class Session {
  readonly #environment: Environment
  readonly #ended: (reason: SessionEndReason) => void
  #state: 'unknown' | 'active' | 'over' = 'unknown'
  #token: AccessToken | null = null
  #epoch = 0
  /** Is told of each login and logout. */
  onChange: (() => void) | undefined

  constructor(environment: Environment, ended: (reason: SessionEndReason) => void) {
    this.#environment = environment
    this.#ended = ended
  }

  /** Changes with each login and logout: an answer that belongs to one before is dropped. */
  get epoch(): number {
    return this.#epoch
  }

  get isOver(): boolean {
    return this.#state === 'over'
  }

  get token(): string | null {
    return this.#token?.value ?? null
  }

  /** How long the access token lives, by the time that has passed since it was received: not by any clock. */
  get validMs(): number {
    return this.#token ? this.#token.expiresAt - this.#environment.now() : 0
  }

  get marginMs(): number {
    return this.#token?.marginMs ?? 0
  }

  begin(issued: IssuedToken): void {
    this.#adopt(issued)
    this.#change()
  }

  /** Not where it is over: that would bring it back. */
  renew(issued: IssuedToken): void {
    if (!this.isOver) this.#adopt(issued)
  }

  end(reason: SessionEndReason): void {
    const isLogout = reason === 'logout'
    // After a page was loaded nobody knows whether there was one: then the reason tells.
    const isNews = this.#state === 'active' || (!this.isOver && reason !== 'FRT_ERR_NO_REFRESH_TOKEN')
    this.#state = 'over'
    this.#token = null
    // A session that the server ended must not take the login along that is on its way.
    if (isLogout) this.#change()
    if (isNews) this.#ended(reason)
  }

  #change(): void {
    this.#epoch++
    this.onChange?.()
  }

  #adopt({ value, validMs }: IssuedToken): void {
    const { now, random } = this.#environment
    const marginMs = Math.min(MAX_MARGIN_MS, validMs * (0.05 + 0.1 * random()))
    this.#state = 'active'
    this.#token = { value, expiresAt: now() + validMs, marginMs }
  }
}

import {
  ACCESS_TTL_MS,
  type AccessToken,
  type Implementation,
  type RefreshResponse,
  type RefreshToken,
  type Server,
  type TokenResponse
} from '../server.js'

/** A rotation rule as pure functions from a state and a token to a new state and a decision. */
export interface Rule<State> {
  name: string
  /** Used as a seed of the random numbers instead of `name`. See `seedNameOf`. */
  seedName?: string
  initialState(nowMs: number): State
  refresh(state: State, token: RefreshToken, nowMs: number): { state: State; decision: Decision }
  confirm(state: State, gen: number, nowMs: number): State
}

export type Decision =
  | { kind: 'tokens'; gen: number; issuedUs: number; isUnchanged: boolean }
  | { kind: 'reuse' }
  | { kind: 'unknown' }
  | { kind: 'retry' }

/** A failover loses less than this, so that older writes are not kept. */
const HISTORY_MS = 60_000

type Stored<State> = { state: State; isRevoked: boolean } | null

/** Returns an implementation that applies the rule to a state in memory. */
export function implement<State>(rule: Rule<State>): Implementation {
  const { name, seedName } = rule
  return { name, ...(seedName !== undefined && { seedName }), open: (now) => new RuleServer(rule, now) }
}

class RuleServer<State> implements Server {
  readonly #rule: Rule<State>
  readonly #now: () => number
  #stored: Stored<State> = null
  /** The stored value before each of the recent writes. */
  #history: { at: number; stored: Stored<State> }[] = []

  constructor(rule: Rule<State>, now: () => number) {
    this.#rule = rule
    this.#now = now
  }

  login(): TokenResponse {
    this.#write({ state: this.#rule.initialState(this.#now()), isRevoked: false })
    return this.#respond(1, 0, false)
  }

  refresh(token: RefreshToken): RefreshResponse {
    const stored = this.#stored
    if (!stored || stored.isRevoked) return { status: 401, reason: 'unknown' }
    const { state, decision } = this.#rule.refresh(stored.state, token, this.#now())
    if (decision.kind === 'unknown') return { status: 401, reason: 'unknown' }
    if (decision.kind === 'retry') return { status: 503 }
    const isRevoked = decision.kind === 'reuse'
    if (state !== stored.state || isRevoked) this.#write({ state, isRevoked })
    return decision.kind === 'reuse'
      ? { status: 401, reason: 'reuse' }
      : this.#respond(decision.gen, decision.issuedUs, decision.isUnchanged)
  }

  use({ gen, expiresMs }: AccessToken, confirms: boolean): 'ok' | 'rejected' {
    const stored = this.#stored
    const now = this.#now()
    if (!stored || stored.isRevoked || now >= expiresMs) return 'rejected'
    const state = confirms ? this.#rule.confirm(stored.state, gen, now) : stored.state
    if (state !== stored.state) this.#write({ state, isRevoked: false })
    return 'ok'
  }

  failover(lostMs: number): void {
    const since = this.#now() - lostMs
    const firstLost = this.#history.find(({ at }) => at >= since)
    if (firstLost) this.#stored = firstLost.stored
    this.#history = []
  }

  #write(stored: Stored<State>): void {
    const at = this.#now()
    this.#history.push({ at, stored: this.#stored })
    while (this.#history[0] && this.#history[0].at < at - HISTORY_MS) this.#history.shift()
    this.#stored = stored
  }

  #respond(gen: number, issuedUs: number, isUnchanged: boolean): TokenResponse {
    return {
      status: 200,
      token: { gen, issuedUs, text: '' },
      setsCookie: !isUnchanged,
      access: { gen, expiresMs: this.#now() + ACCESS_TTL_MS, text: '' }
    }
  }
}

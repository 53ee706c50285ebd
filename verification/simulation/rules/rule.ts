import {
  ACCESS_TTL_MS,
  type Access,
  type Answer,
  type Contestant,
  type Granted,
  type Server,
  type Token
} from '../server.js'

/** A rule of rotation as pure functions: state and token in, state and verdict out. */
export interface Rule<State> {
  name: string
  begin(nowMs: number): State
  refresh(state: State, token: Token, nowMs: number): { state: State; verdict: Verdict }
  confirm(state: State, gen: number, nowMs: number): State
}

/** `same`: the copy that was presented. */
export type Verdict =
  | { kind: 'tokens'; gen: number; issuedUs: number; same: boolean }
  | { kind: 'reuse' }
  | { kind: 'gone' }
  | { kind: 'try again' }

/** Writes older than this are on every replica. */
const REMEMBERED_MS = 60_000

type Stored<State> = { state: State; ended: boolean } | null

/** A server whose store is a variable, and whose rule is a function. */
export function contestantOf<State>(rule: Rule<State>): Contestant {
  return { name: rule.name, open: (now) => new RuleServer(rule, now) }
}

class RuleServer<State> implements Server {
  readonly #rule: Rule<State>
  readonly #now: () => number
  #stored: Stored<State> = null
  /** What was stored before each of the last writes. */
  #before: { at: number; stored: Stored<State> }[] = []

  constructor(rule: Rule<State>, now: () => number) {
    this.#rule = rule
    this.#now = now
  }

  login(): Granted {
    this.#write({ state: this.#rule.begin(this.#now()), ended: false })
    return this.#grant(1, 0, false)
  }

  refresh(token: Token): Answer {
    const stored = this.#stored
    if (!stored || stored.ended) return { status: 401, why: 'gone' }
    const { state, verdict } = this.#rule.refresh(stored.state, token, this.#now())
    if (verdict.kind === 'gone') return { status: 401, why: 'gone' }
    if (verdict.kind === 'try again') return { status: 503 }
    const ended = verdict.kind === 'reuse'
    if (state !== stored.state || ended) this.#write({ state, ended })
    return verdict.kind === 'reuse'
      ? { status: 401, why: 'reuse' }
      : this.#grant(verdict.gen, verdict.issuedUs, verdict.same)
  }

  use({ gen, expiresMs }: Access, confirms: boolean): 'ok' | 'refused' {
    const stored = this.#stored
    const now = this.#now()
    if (!stored || stored.ended || now >= expiresMs) return 'refused'
    const state = confirms ? this.#rule.confirm(stored.state, gen, now) : stored.state
    if (state !== stored.state) this.#write({ state, ended: false })
    return 'ok'
  }

  failover(lostMs: number): void {
    const since = this.#now() - lostMs
    const lost = this.#before.find(({ at }) => at >= since)
    if (lost) this.#stored = lost.stored
    this.#before = []
  }

  #write(stored: Stored<State>): void {
    const at = this.#now()
    this.#before.push({ at, stored: this.#stored })
    while (this.#before[0] && this.#before[0].at < at - REMEMBERED_MS) this.#before.shift()
    this.#stored = stored
  }

  #grant(gen: number, issuedUs: number, same: boolean): Granted {
    return {
      status: 200,
      token: { gen, issuedUs, text: '' },
      setsCookie: !same,
      access: { gen, expiresMs: this.#now() + ACCESS_TTL_MS, text: '' }
    }
  }
}

import { settings } from './settings.js'

/** The store hears of a first use a little after the answer. */
const MARGIN_MS = 250
const MAX_SESSIONS = 200

interface Token {
  gen: number
  isProved: boolean
  sinceMs: number
}

/**
 * How long a refresh would still be answered without a rotation, because the token is new (row 3 of the rule): what
 * is played on a token that rests shows nothing.
 */
export class Rests {
  readonly #tokens = new Map<string, Token>()

  minted(sid: string, gen: number): void {
    this.#tokens.delete(sid)
    this.#tokens.set(sid, { gen, isProved: false, sinceMs: Date.now() })
    if (this.#tokens.size <= MAX_SESSIONS) return
    const [oldest] = this.#tokens.keys()
    if (oldest !== undefined) this.#tokens.delete(oldest)
  }

  /** The first use counts. */
  proved(sid: string, gen: number): void {
    const token = this.#tokens.get(sid)
    if (token?.gen !== gen || token.isProved) return
    token.isProved = true
    token.sinceMs = Date.now()
  }

  leftMs(sid: string): number {
    const token = this.#tokens.get(sid)
    if (!token) return 0
    return Math.max(0, token.sinceMs + 3 * settings.graceMs + MARGIN_MS - Date.now())
  }
}

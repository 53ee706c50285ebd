import { settings } from './settings.js'

/** The plugin confirms a generation in the background, shortly after the response. */
const MARGIN_MS = 250
const MAX_SESSIONS = 200

interface Token {
  gen: number
  isConfirmed: boolean
  sinceMs: number
}

/**
 * Calculates the rotation cooldown of each session, as row 3 of the rotation rule defines it. During the cooldown a
 * refresh does not rotate, so a scenario waits until it is over.
 */
export class Cooldown {
  readonly #tokens = new Map<string, Token>()

  recordRotation(sid: string, gen: number): void {
    this.#tokens.delete(sid)
    this.#tokens.set(sid, { gen, isConfirmed: false, sinceMs: Date.now() })
    if (this.#tokens.size <= MAX_SESSIONS) return
    const [oldest] = this.#tokens.keys()
    if (oldest !== undefined) this.#tokens.delete(oldest)
  }

  /** Restarts the cooldown when a generation is used for the first time. */
  recordConfirmation(sid: string, gen: number): void {
    const token = this.#tokens.get(sid)
    if (token?.gen !== gen || token.isConfirmed) return
    token.isConfirmed = true
    token.sinceMs = Date.now()
  }

  remainingMs(sid: string): number {
    const token = this.#tokens.get(sid)
    if (!token) return 0
    return Math.max(0, token.sinceMs + 3 * settings.graceMs + MARGIN_MS - Date.now())
  }
}

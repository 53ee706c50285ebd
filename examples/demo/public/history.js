import { showGenerations } from './generation-list.js'

const POLL_MS = 1000

/**
 * Reads from the server what happened to the session. It uses a history key, because a request with the access token
 * would cause refreshes. It polls, because an open stream would use one of the few connections of the browser.
 */
export class History {
  #key = null
  #isOver = false
  #onUpdate
  #onUnknown
  last = { events: [], cooldownMs: 0, storeIsRunning: true }

  /**
   * @param onUpdate receives each answer
   * @param onUnknown is called when the server does not have the history, because it was restarted
   */
  constructor(onUpdate, onUnknown) {
    this.#onUpdate = onUpdate
    this.#onUnknown = onUnknown
    setInterval(() => {
      if (this.#key !== null && document.visibilityState === 'visible') this.read().catch(() => {})
    }, POLL_MS)
  }

  async watch(key) {
    this.#key = key
    this.#isOver = false
    await this.read()
  }

  /** Reads on after a logout, until the server has revoked the session. Every other end is final. */
  async end(reason) {
    const key = this.#key
    if (key === null) return
    this.#isOver = true
    await this.read().catch(() => {})
    if (reason !== 'logout' && this.#key === key) this.#addEnd(reason)
  }

  async read() {
    const key = this.#key
    if (key === null) return this.last
    const response = await fetch('/demo/history', { headers: { 'x-demo-history-key': key } })
    if (key !== this.#key) return this.last
    if (response.status === 404) this.#handleUnknown()
    if (!response.ok) return this.last
    this.#update(await response.json())
    return this.last
  }

  /** The server may have ended the session without an event, for example when it expired. */
  #addEnd(reason) {
    const { gen } = this.last.events.at(-1) ?? { gen: 1 }
    const type = reason === 'FRT_ERR_SESSION_REVOKED' ? 'revoked' : 'expired'
    this.#update({ ...this.last, events: [...this.last.events, { type, gen }] })
    this.#key = null
  }

  #update(answer) {
    this.last = answer
    if (this.#isOver && answer.events.some(({ type }) => type === 'revoked')) this.#key = null
    showGenerations(answer.events)
    this.#onUpdate(answer)
  }

  #handleUnknown() {
    if (this.#isOver) this.#key = null
    else this.#onUnknown()
  }
}

import { showGenerations } from './generation-line.js'

const POLL_MS = 1000

/**
 * What the server tells of the session. It is asked with a ticket instead of the access token, which would be
 * refreshed for it; and by turns instead of an open stream, of which a browser grants a host six for all its tabs.
 */
export class History {
  #ticket = null
  #told
  #lost
  last = { happenings: [], restsForMs: 0, storeRuns: true }

  /**
   * @param told hears each answer
   * @param lost is called when the server no longer knows the ticket: it was started again
   */
  constructor(told, lost) {
    this.#told = told
    this.#lost = lost
    setInterval(() => {
      if (this.#ticket !== null && document.visibilityState === 'visible') this.read().catch(() => {})
    }, POLL_MS)
  }

  async watch(ticket) {
    this.#ticket = ticket
    await this.read()
  }

  /** What was shown stays, with what came last. */
  async unwatch() {
    const ticket = this.#ticket
    await this.read().catch(() => {})
    // A login may have brought another one meanwhile.
    if (this.#ticket === ticket) this.#ticket = null
  }

  async read() {
    if (this.#ticket === null) return this.last
    const ticket = this.#ticket
    const response = await fetch('/demo/history', { headers: { 'x-demo-ticket': ticket } })
    if (ticket !== this.#ticket) return this.last
    if (response.status === 404) this.#lost()
    if (!response.ok) return this.last
    this.last = await response.json()
    showGenerations(this.last.happenings)
    this.#told(this.last)
    return this.last
  }
}

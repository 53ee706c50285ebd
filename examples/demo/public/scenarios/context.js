const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** With less time left, the client could refresh in the middle of a scenario. */
const NEEDED_SECONDS = 12

/** What all scenarios use. */
export class ScenarioContext {
  settings = { accessTtlSeconds: 30, graceMs: 1000 }

  constructor({ auth, plainFetch, history, logRequest, showStore, isBound }) {
    Object.assign(this, { auth, plainFetch, history, logRequest, showStore, isBound, pause })
  }

  /** Waits until the access token is valid for a while, and the next refresh rotates. */
  async prepare(say) {
    await this.#getToken(NEEDED_SECONDS)
    // The first use of a generation restarts its cooldown. That must not happen during the scenario.
    await this.call('/me')
    for (;;) {
      const { cooldownMs } = await this.history.read()
      if (cooldownMs === 0) return
      const seconds = Math.ceil(cooldownMs / 1000)
      say(
        `The scenario starts in ${seconds} s. The refresh token is new, and the server does not replace it during this cooldown. So all tabs keep the same token.`
      )
      await pause(Math.min(cooldownMs, 500))
    }
  }

  /** Makes the client get a new access token, even if the present one is still valid. */
  async refresh() {
    const before = await this.auth.getAccessToken()
    await this.auth.restore()
    // The client keeps a valid token if the server does not respond.
    if ((await this.auth.getAccessToken()) === before) {
      throw Object.assign(new Error('no new access token'), { code: 'FRT_ERR_CLIENT_UNAVAILABLE' })
    }
  }

  async #getToken(minValidity) {
    const token = await this.auth.getAccessToken({ minValidity })
    if (token === null) throw new Error('the session has ended')
  }

  /** Sends a request through the client. */
  async call(path, method = 'GET') {
    const response = await this.auth.fetch(path, { method })
    if (response.ok) return response.json()
    const { code } = await response.json()
    throw new Error(`${path} returned ${response.status} ${code}`)
  }

  /** Returns the events after those before. Waits up to a second until they are complete. */
  async eventsSince(before, isComplete = () => true) {
    const last = before.at(-1)?.n ?? 0
    for (let tries = 1; ; tries++) {
      const { events } = await this.history.read()
      const since = events.filter(({ n }) => n > last)
      if (isComplete(since) || tries === 10) return since
      await pause(100)
    }
  }
}

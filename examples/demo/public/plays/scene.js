const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Who has less than that left might refresh in the middle of a play. */
const NEEDED_SECONDS = 12

/** What all plays need. */
export class Scene {
  settings = { accessTtlSeconds: 30, graceMs: 1000 }

  constructor({ auth, rawFetch, history, log, showStore }) {
    Object.assign(this, { auth, rawFetch, history, log, showStore, pause })
  }

  /** A token that is good for a while, and a refresh token that rotates when it is used. */
  async ready(say) {
    await this.#token(NEEDED_SECONDS)
    // A refresh token rests from the first use of what came with it: that must not be in the middle of a play.
    await this.call('/me')
    for (;;) {
      const { restsForMs } = await this.history.read()
      if (restsForMs === 0) return
      say(`The refresh token is new, and rests for ${Math.ceil(restsForMs / 1000)} s more. Then it begins.`)
      await pause(Math.min(restsForMs, 500))
    }
  }

  /** The client gets another access token, whatever is left of the one it has. */
  refresh() {
    return this.#token(this.settings.accessTtlSeconds + 1)
  }

  async #token(minValidity) {
    const token = await this.auth.getAccessToken({ minValidity })
    if (token === null) throw new Error('the session is over')
  }

  /** A request of the client. */
  async call(path, method = 'GET') {
    const response = await this.auth.fetch(path, { method })
    if (response.ok) return response.json()
    const { code } = await response.json()
    throw new Error(`${path} was answered ${response.status} ${code}`)
  }

  /** What happened since; what the server tells of later is waited for a little. */
  async happenedSince(before, isAll = () => true) {
    const last = before.at(-1)?.n ?? 0
    for (let tries = 1; ; tries++) {
      const { happenings } = await this.history.read()
      const since = happenings.filter(({ n }) => n > last)
      if (isAll(since) || tries === 10) return since
      await pause(100)
    }
  }
}

import { byId, element, onPress } from './dom.js'
import { explainCode } from './explanations.js'
import { showWaiting } from './waiting.js'

const outcome = byId('device-outcome')
const say = (text) => {
  outcome.textContent = text
}

/** The sessions of the user: `GET /auth/sessions`, and a button that revokes each of them. */
export class Devices {
  #auth

  constructor(auth) {
    this.#auth = auth
    onPress(byId('device-reload-button'), () => this.#run(() => this.load(), 'The list is up to date.'))
    onPress(byId('device-add-button'), () => this.#run(() => this.#add()))
  }

  async load() {
    const { sessions } = await this.#request('GET', '/auth/sessions')
    byId('device-list').replaceChildren(...sessions.map((session) => this.#item(session)))
  }

  async #add() {
    const { name } = await this.#request('POST', '/demo/devices')
    await this.load()
    return `${name} has logged in as you. You can revoke it in the list.`
  }

  async #revoke(id) {
    await this.#request('DELETE', `/auth/sessions/${id}`)
    await this.load()
    // The button that had the focus no longer exists.
    byId('devices-title').focus()
  }

  #item({ id, created_at, current, metadata }) {
    const name = deviceName(metadata.user_agent)
    const details = [
      current ? 'This session' : '',
      `logged in at ${new Date(created_at).toLocaleTimeString()}`,
      `session id ends in ${id.slice(-4)}`
    ].filter(Boolean)
    const button = element('button', { type: 'button', textContent: 'Revoke' })
    button.setAttribute('aria-label', `Revoke ${name}, ${details.join(', ')}`)
    const done = `${name} is logged out (its session id ends in ${id.slice(-4)}).`
    onPress(button, () => this.#run(() => this.#revoke(id), done))
    return element(
      'li',
      { data: { current } },
      element(
        'span',
        {},
        element('b', { textContent: name }),
        element('small', { textContent: details.join(' · ') })
      ),
      button
    )
  }

  async #request(method, path) {
    const response = await this.#auth.fetch(path, { method })
    if (response.ok) return response.json()
    const { code } = await response.json()
    throw new Error(explainCode(code) || `The server answered ${response.status} ${code}.`)
  }

  async #run(work, done) {
    try {
      const result = await showWaiting(say, 'Waiting for the response.', work)
      say(done ?? result)
    } catch (error) {
      say(error.code ? 'The server is unavailable.' : error.message)
    }
  }
}

/** Shortens a user agent to the names of browser and system. */
function deviceName(userAgent = 'Unknown client') {
  const browser = /(Firefox|Edg|Chrome|Safari)(?=\/)/.exec(userAgent)?.[0]
  if (!browser) return userAgent.slice(0, 60)
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(userAgent)?.[0] ?? 'another system'
  return `${browser === 'Edg' ? 'Edge' : browser} on ${system}`
}

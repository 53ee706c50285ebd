import { byId, element, onPress } from './dom.js'

const outcome = byId('device-outcome')

/** The user's list of devices: `GET /auth/sessions`, and a button that ends each. */
export class Devices {
  #auth

  constructor(auth) {
    this.#auth = auth
    onPress(byId('device-reload-button'), () => this.#say(() => this.load(), 'The list is up to date.'))
    onPress(byId('device-add-button'), () =>
      this.#say(() => this.#add(), 'A phone has logged in as you: it is in the list, and you may revoke it.')
    )
  }

  async load() {
    const { sessions } = await this.#ask('GET', '/auth/sessions')
    byId('device-list').replaceChildren(...sessions.map((session) => this.#item(session)))
  }

  async #add() {
    await this.#ask('POST', '/demo/devices')
    await this.load()
  }

  async #revoke(id) {
    await this.#ask('DELETE', `/auth/sessions/${id}`)
    await this.load()
    // The button that had the focus is gone.
    byId('devices-title').focus()
  }

  #item({ id, created_at, current, metadata }) {
    const name = deviceName(metadata.user_agent)
    const since = new Date(created_at).toLocaleTimeString()
    const button = element('button', { type: 'button', textContent: 'Revoke' })
    button.setAttribute('aria-label', `Revoke ${name}${current ? ', this session' : ''}, since ${since}`)
    onPress(button, () => this.#say(() => this.#revoke(id), `${name} is logged out.`))
    const about = element('small', { textContent: `since ${since}${current ? ' · this session' : ''}` })
    return element(
      'li',
      { data: { current } },
      element('span', {}, element('b', { textContent: name }), about),
      button
    )
  }

  async #ask(method, path) {
    const response = await this.#auth.fetch(path, { method })
    if (response.ok) return response.json()
    const { code } = await response.json()
    throw new Error(code)
  }

  async #say(work, words) {
    outcome.textContent = ''
    try {
      await work()
      outcome.textContent = words
    } catch (error) {
      outcome.textContent = `That did not work: ${error.cause?.message ?? error.message}.`
    }
  }
}

/** Enough to tell one's own devices apart. */
function deviceName(userAgent = 'An unnamed client') {
  const browser = /(Firefox|Edg|Chrome|Safari)(?=\/)/.exec(userAgent)?.[0]
  if (!browser) return userAgent.slice(0, 60)
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(userAgent)?.[0] ?? 'another system'
  return `${browser === 'Edg' ? 'Edge' : browser} on ${system}`
}

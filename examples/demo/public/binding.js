import { createBoundKey } from './client/index.js'
import { byId } from './dom.js'

/** Whether logins of this browser are bound to a key. */
const CHOICE = 'demo-binding'

export function isBindingChosen() {
  return localStorage.getItem(CHOICE) !== null
}

/** Returns the key of the client, or `undefined` if the user has not chosen to bind the session. */
export function boundKey() {
  return isBindingChosen() ? createBoundKey() : undefined
}

/** Sets up the choice. The pages of all tabs are loaded again, because a client has its key from the start. */
export function setUpBinding() {
  byId('binding').checked = isBindingChosen()
  byId('binding').addEventListener('change', ({ target }) => {
    if (target.checked) localStorage.setItem(CHOICE, 'key')
    else localStorage.removeItem(CHOICE)
    location.reload()
  })
  addEventListener('storage', ({ key }) => {
    if (key === CHOICE) location.reload()
  })
}

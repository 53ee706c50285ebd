import { byId, isOff, turn } from './dom.js'

const PASSWORDS = { ada: 'analytical engine', grace: 'nanoseconds' }
const form = byId('login-form')
const button = byId('login-button')
const outcome = byId('login-outcome')

/** @param entered is called after a login */
export function setUpLogin(auth, entered) {
  for (const [username, password] of Object.entries(PASSWORDS)) {
    byId(`fill-${username}`).addEventListener('click', () => {
      byId('username').value = username
      byId('password').value = password
      outcome.textContent = `Filled in ${username}.`
    })
  }
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    if (isOff(button)) return
    turn(button, false)
    outcome.textContent = 'Logging in.'
    outcome.textContent = await login(auth, entered)
    turn(button, true)
  })
}

async function login(auth, entered) {
  try {
    const response = await auth.login(Object.fromEntries(new FormData(form)))
    if (response.status === 401) return 'These are not the credentials of one of the two users.'
    if (response.status === 503) return 'The store does not answer: start it below, and try again.'
    if (!response.ok) return `The server answered ${response.status}.`
    await entered()
    return ''
  } catch {
    return 'The server did not answer.'
  }
}

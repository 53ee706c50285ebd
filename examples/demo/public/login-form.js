import { byId, isDisabled, setEnabled } from './dom.js'

const PASSWORDS = { ada: 'analytical engine', grace: 'nanoseconds' }
const form = byId('login-form')
const button = byId('login-button')
const outcome = byId('login-outcome')

/** @param onLogin is called after a login */
export function setUpLogin(auth, onLogin) {
  for (const [username, password] of Object.entries(PASSWORDS)) {
    byId(`fill-${username}`).addEventListener('click', () => {
      byId('username').value = username
      byId('password').value = password
      outcome.textContent = `The form contains the credentials of ${username}.`
    })
  }
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    if (isDisabled(button)) return
    setEnabled(button, false)
    outcome.textContent = 'Waiting for the response.'
    outcome.textContent = await login(auth, onLogin)
    setEnabled(button, true)
  })
}

async function login(auth, onLogin) {
  try {
    const response = await auth.login(Object.fromEntries(new FormData(form)))
    if (response.status === 401) return 'The username or the password is wrong.'
    if (response.status === 503) return 'The session store is unavailable. Start it below, and try again.'
    if (!response.ok) return `The server answered ${response.status}.`
    await onLogin()
    return ''
  } catch {
    return 'The server did not respond.'
  }
}

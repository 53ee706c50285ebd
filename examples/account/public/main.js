import { createAuth } from './client/index.js'
import { loadDevices } from './devices.js'
import { byId, isDisabled, onPress, setEnabled } from './dom.js'
import { textOf } from './request.js'
import { withStepUp } from './step-up.js'

const SECTIONS = { anonymous: 'login', unavailable: 'unavailable', authenticated: 'account' }
const loginForm = byId('login-form')
const loginButton = byId('login-button')

let shownSession
const auth = createAuth({ baseUrl: location.origin, onSessionEnd: leave })
auth.subscribe(render)

/** Shows the section for the state of the session, and the devices of a new session. */
function render() {
  const { status, user } = auth.snapshot()
  for (const [shownFor, id] of Object.entries(SECTIONS)) byId(id).hidden = status !== shownFor
  if (user?.sid === shownSession) return
  shownSession = user?.sid
  byId('device-list').replaceChildren()
  byId('outcome').textContent = ''
  if (user) report(() => loadDevices(auth, report))
}

function leave(reason) {
  // `render` shows the devices of the other user.
  if (reason === 'user-changed') return
  byId('code-dialog').close()
  byId('login-outcome').textContent =
    reason === 'logout' ? 'You are logged out.' : 'Your session has ended. Log in again.'
  byId('login-title').focus()
}

/** Runs a call, and shows the text that it returns, or why it failed. */
async function report(call) {
  const outcome = byId('outcome')
  try {
    outcome.textContent = (await call()) ?? ''
  } catch (error) {
    outcome.textContent = textOf(error)
  }
}

loginForm.addEventListener('submit', async (event) => {
  event.preventDefault()
  if (isDisabled(loginButton)) return
  setEnabled(loginButton, false)
  byId('login-outcome').textContent = await logIn()
  setEnabled(loginButton, true)
})

async function logIn() {
  try {
    const response = await auth.login(Object.fromEntries(new FormData(loginForm)))
    if (!response.ok) return (await response.json()).message
    loginForm.reset()
    byId('account-title').focus()
    return ''
  } catch (error) {
    return textOf(error)
  }
}

onPress(byId('retry-button'), () => auth.restore())
onPress(byId('logout-button'), () => auth.logout().catch(() => {}))
onPress(byId('logout-others-button'), () =>
  report(async () => {
    await withStepUp(auth, () => auth.logoutOthers())
    await loadDevices(auth, report)
    return 'Your other devices are logged out.'
  })
)

await auth.restore()

import { createAuthFetch } from './client/index.js'
import { Devices } from './devices.js'
import { byId, onPress } from './dom.js'
import { History } from './history.js'
import { setUpLogin } from './login-form.js'
import { setPlayable, setUpPlay } from './play.js'
import { expire } from './plays/expire.js'
import { lost } from './plays/lost.js'
import { Scene } from './plays/scene.js'
import { turnStore } from './plays/store.js'
import { tabs } from './plays/tabs.js'
import { theft } from './plays/theft.js'
import { wordsForEnd } from './session-end.js'
import { onNews, tell } from './tabs.js'
import { empty, fill } from './token-life.js'
import { createWire } from './wire.js'
import { log } from './wire-log.js'

let restoring = null
const isStopped = () => byId('play-store').dataset.store === 'stopped'
const isLoggedIn = () => document.body.dataset.session === 'in'

const auth = createAuthFetch({
  baseUrl: location.origin,
  fetch: createWire(log, (seconds) => {
    fill(seconds)
    tell({ type: 'token', seconds })
  }),
  onSessionEnd: leave
})
const history = new History(
  ({ storeRuns }) => showStore(storeRuns),
  () => restore()
)
const scene = new Scene({ auth, rawFetch: createWire(log), history, log, showStore })
const devices = new Devices(auth)

setUpLogin(auth, async () => {
  await enter()
  tell({ type: 'login' })
  byId('session-title').focus()
})
setUpPlay('expire', (say) => expire(scene, say))
setUpPlay('lost', (say) => lost(scene, say))
setUpPlay('tabs', (say) => tabs(scene, say))
setUpPlay('theft', (say) => theft(scene, say))
setUpPlay('store', (say) => turnStore(scene, say, isStopped(), isLoggedIn()))

onPress(byId('call-button'), async () => {
  const outcome = byId('call-outcome')
  outcome.textContent = ''
  try {
    const response = await auth.fetch('/me')
    const { name, code } = await response.json()
    outcome.textContent = response.ok ? `200: the server calls you ${name}.` : `${response.status}: ${code}`
  } catch (error) {
    outcome.textContent =
      error.code === 'FRT_ERR_CLIENT_UNAVAILABLE'
        ? 'The access token is over, and cannot be renewed for now. You are still logged in.'
        : 'The server did not answer. You are still logged in.'
  }
})

onPress(byId('logout-button'), async () => {
  try {
    await auth.logout()
  } catch {
    byId('session-end-reason').textContent =
      'You are logged out here, but the server could not be told: is the store stopped? The session may be alive there.'
  }
})

onNews(({ type, seconds }) => {
  if (type === 'token' && isLoggedIn()) fill(seconds)
  if (type === 'login') restore()
})
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState !== 'visible' || isLoggedIn()) return
  askForStore().catch(() => {})
  restore()
})

/** After a page was loaded, where another tab has logged in, and where the server was started again. */
function restore() {
  restoring ??= tryToRestore().finally(() => {
    restoring = null
  })
  return restoring
}

async function tryToRestore() {
  try {
    const token = await auth.getAccessToken()
    if (token === null) show('out')
    else await enter()
  } catch {
    if (isLoggedIn()) return
    show('out')
    byId('login-outcome').textContent = 'The server is not available for now: you may still be logged in.'
  }
}

async function enter() {
  const { ticket, cookie, ...settings } = await scene.call('/demo/watch', 'POST')
  const { name } = await scene.call('/me')
  scene.settings = settings
  byId('session-title').textContent = `${name} is logged in`
  byId('cookie-warning').hidden = cookie
  byId('session-end').hidden = true
  byId('call-outcome').textContent = ''
  show('in')
  await history.watch(ticket)
  await devices.load().catch(() => {})
}

function leave(reason) {
  byId('session-end-reason').textContent = wordsForEnd(reason)
  byId('session-end').dataset.reason = reason
  byId('session-end').hidden = false
  empty()
  show('out')
  byId('session-end-title').focus()
  history.unwatch()
}

function show(session) {
  document.body.dataset.session = session
  byId('login').hidden = session === 'in'
  byId('session').hidden = session !== 'in'
  byId('devices').hidden = session !== 'in'
  setPlayable()
}

async function askForStore() {
  const { running } = await (await fetch('/demo/store')).json()
  showStore(running)
}

/** The button does the one or the other: it says which, and what that means. */
function showStore(runs) {
  const state = runs ? 'running' : 'stopped'
  if (byId('play-store').dataset.store === state) return
  byId('play-store').dataset.store = state
  byId('play-store-button').textContent = runs ? 'Stop the store' : 'Start the store'
  byId('play-store-about').textContent = runs
    ? 'The store that holds all sessions will fail every question until you start it again. Your client tries to refresh meanwhile, three times.'
    : 'The store will answer again. Your client waits for as long as the server asked it to, and refreshes.'
}

setPlayable()
await askForStore()
await restore()

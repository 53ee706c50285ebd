import { boundKey, isBindingChosen, setUpBinding } from './binding.js'
import { createAuth } from './client/index.js'
import { Devices } from './devices.js'
import { byId, onPress } from './dom.js'
import { explainCode } from './explanations.js'
import { History } from './history.js'
import { createLoggedFetch } from './logged-fetch.js'
import { setUpLogin } from './login-form.js'
import { logRequest } from './request-log.js'
import { isScenarioRunning, setUpScenario, updateChanges, updateScenarios } from './scenario.js'
import { boundTheft } from './scenarios/bound-theft.js'
import { ScenarioContext } from './scenarios/context.js'
import { expire } from './scenarios/expire.js'
import { lost } from './scenarios/lost.js'
import { switchStore } from './scenarios/store.js'
import { tabs } from './scenarios/tabs.js'
import { theft } from './scenarios/theft.js'
import { explainEnd } from './session-end.js'
import { broadcast, onMessage } from './tab-messages.js'
import { clearLifetime, startLifetime } from './token-lifetime.js'
import { reportFailedAttempt, showWaiting } from './waiting.js'

const POLL_MS = 1000
/** The reason of the last notice, until the next login. A page that is loaded again does not repeat the notice. */
const SHOWN_NOTICE = 'demo-shown-notice'

let restoring = null
const sessionState = () => document.body.dataset.session
const isLoggedIn = () => sessionState() === 'in'
const isStopped = () => byId('scenario-store').dataset.store === 'stopped'

const auth = createAuth({
  baseUrl: location.origin,
  key: boundKey(),
  fetch: createLoggedFetch(handleRequest, (seconds) => {
    startLifetime(seconds)
    broadcast({ type: 'token', seconds })
  }),
  onSessionEnd: leave
})
const history = new History(
  ({ events, storeIsRunning }) => {
    updateChanges(events)
    showStore(storeIsRunning)
  },
  () => restore()
)
const context = new ScenarioContext({
  auth,
  plainFetch: createLoggedFetch(logRequest),
  history,
  logRequest,
  showStore,
  isBound: isBindingChosen()
})
const devices = new Devices(auth)

setUpBinding()
setUpLogin(auth, async () => {
  await enter()
  broadcast({ type: 'login' })
  byId('session-title').focus()
})
setUpScenario('expire', history, (say) => expire(context, say))
setUpScenario('lost', history, (say) => lost(context, say))
setUpScenario('tabs', history, (say) => tabs(context, say))
setUpScenario('theft', history, (say) => theft(context, say))
setUpScenario('bound', history, (say) => boundTheft(context, say))
setUpScenario('store', history, (say) => switchStore(context, say, isStopped(), isLoggedIn()))

onPress(byId('call-button'), async () => {
  const say = (text) => {
    byId('call-outcome').textContent = text
  }
  try {
    const response = await showWaiting(say, 'Waiting for the response.', () => auth.fetch('/me'))
    const { name, code } = await response.json()
    say(
      response.ok
        ? `The server answered 200: your name is ${name}.`
        : `The server answered ${response.status}. ${explainCode(code) || code}`
    )
  } catch (error) {
    say(
      error.code === 'FRT_ERR_CLIENT_UNAVAILABLE'
        ? 'The client needs a new access token, and the server cannot issue one now. You are still logged in. Try again later.'
        : 'The server did not respond. You are still logged in.'
    )
  }
})

onPress(byId('logout-button'), async () => {
  const say = (text) => {
    byId('session-end-progress').textContent = text
  }
  try {
    await showWaiting(say, 'Waiting for the server to revoke the session.', () => auth.logout())
    say('The server has revoked the session.')
    await history.read()
  } catch (error) {
    say(
      /: 503\b/.test(error.message)
        ? 'The server has not revoked the session yet, because the session store is unavailable. It keeps trying.'
        : 'The server did not respond, so the session may still be active there.'
    )
  }
})

onPress(byId('retry-button'), restore)

onMessage(({ type, seconds }) => {
  if (type === 'token' && isLoggedIn()) startLifetime(seconds)
  if (type === 'login') restore()
})
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState !== 'visible' || isLoggedIn()) return
  readStore().catch(() => {})
  restore()
})
setInterval(async () => {
  if (sessionState() !== 'unavailable' || document.visibilityState !== 'visible') return
  await readStore().catch(() => {})
  if (!isStopped() && !restoring) restore()
}, POLL_MS)

/** Resumes the session: when the page opens, after a login in another tab, and after a restart of the server. */
function restore() {
  restoring ??= tryToRestore().finally(() => {
    restoring = null
  })
  return restoring
}

async function tryToRestore() {
  const say = (text) => {
    byId('unavailable-outcome').textContent = text
  }
  try {
    const token = await showWaiting(say, 'Waiting for the response.', () => auth.getAccessToken())
    if (token === null) show('out')
    else await enter()
  } catch {
    if (isLoggedIn()) return
    show('unavailable')
    say('The client has stopped trying for now. If the store is stopped, start it below.')
  }
}

async function enter() {
  const { historyKey, cookie, ...settings } = await context.call('/demo/watch', 'POST')
  const { name } = await context.call('/me')
  context.settings = settings
  localStorage.removeItem(SHOWN_NOTICE)
  byId('session-title').textContent = `${name} is logged in`
  byId('cookie-warning').hidden = cookie
  byId('session-end').hidden = true
  byId('call-outcome').textContent = ''
  show('in')
  await history.watch(historyKey)
  await devices.load().catch(() => {})
}

/** Handles the end of the session. */
function leave(reason) {
  const wasLoggedIn = isLoggedIn()
  if (wasLoggedIn || localStorage.getItem(SHOWN_NOTICE) !== reason) showNotice(reason)
  clearLifetime()
  show('out')
  // During a scenario the focus stays on its button, beside the text that explains what happened.
  if (wasLoggedIn && !isScenarioRunning()) byId('session-end-title').focus()
  history.end(reason)
}

function showNotice(reason) {
  const { title, text, isAlarm } = explainEnd(reason)
  byId('session-end-title').textContent = title
  byId('session-end-reason').textContent = text
  byId('session-end-progress').textContent = ''
  Object.assign(byId('session-end').dataset, { reason, tone: isAlarm ? 'alarm' : 'neutral' })
  byId('session-end').hidden = false
  localStorage.setItem(SHOWN_NOTICE, reason)
}

/** @param state `in`, `out`, or `unavailable` if the server cannot say which */
function show(state) {
  document.body.dataset.session = state
  byId('checking').hidden = true
  byId('unavailable').hidden = state !== 'unavailable'
  byId('login').hidden = state !== 'out'
  byId('session').hidden = state !== 'in'
  byId('devices').hidden = state !== 'in'
  updateScenarios()
}

function handleRequest(entry) {
  logRequest(entry)
  reportFailedAttempt(entry)
  // Without a refresh token the server answers 401. A 503 means that there is one, and that it cannot be checked.
  if (sessionState() === 'unknown' && entry.path === '/auth/refresh' && entry.status === 503)
    show('unavailable')
}

async function readStore() {
  const { running } = await (await fetch('/demo/store')).json()
  showStore(running)
}

/** Shows what the button does next: stop or start the store. */
function showStore(isRunning) {
  const state = isRunning ? 'running' : 'stopped'
  if (byId('scenario-store').dataset.store === state) return
  byId('scenario-store').dataset.store = state
  byId('scenario-store-button').textContent = isRunning ? 'Stop the store' : 'Start the store'
  byId('scenario-store-next').textContent = isRunning
    ? 'Until you start the store again, the server cannot read or change any session. The client tries to refresh three times.'
    : 'The store is stopped now. After the start the client waits for as long as the server has asked, and refreshes.'
}

updateScenarios()
await readStore().catch(() => {})
await restore()

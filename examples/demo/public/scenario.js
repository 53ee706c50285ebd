import { byId, isDisabled, setEnabled } from './dom.js'
import { renderGenerations } from './generation-list.js'
import { changedGenerations, generationsOf } from './generations.js'
import { showWaiting } from './waiting.js'

const buttons = [...document.querySelectorAll('#scenarios button')]
let showChanges = () => {}

/**
 * Sets up the button of a scenario. The text below it says what happens now, and then what happened. A list shows the
 * refresh tokens that changed, for screens on which the full list is far away.
 * @param run receives a function that shows a text, and resolves with the last text
 */
export function setUpScenario(name, history, run) {
  const article = byId(`scenario-${name}`)
  const button = byId(`scenario-${name}-button`)
  const outcome = byId(`scenario-${name}-outcome`)
  const changes = byId(`scenario-${name}-changes`)
  const say = (text) => {
    outcome.textContent = text
  }
  button.addEventListener('click', async () => {
    if (isDisabled(button)) return
    for (const each of buttons) setEnabled(each, false)
    setBusy(true)
    article.dataset.state = 'running'
    const before = generationsOf(history.last.events)
    showChanges = (events) => renderGenerations(changes, changedGenerations(before, generationsOf(events)))
    showChanges(history.last.events)
    try {
      say(await showWaiting(say, 'The scenario starts.', () => run(say)))
      article.dataset.state = 'done'
    } catch (error) {
      say(describeFailure(error))
      article.dataset.state = 'failed'
    }
    await history.read().catch(() => {})
    showChanges = () => {}
    setBusy(false)
    updateScenarios()
  })
}

/** Shows what the running scenario has changed so far. */
export function updateChanges(events) {
  showChanges(events)
}

export function isScenarioRunning() {
  return byId('scenarios').getAttribute('aria-busy') === 'true'
}

/** Enables the buttons of the scenarios that can run now. */
export function updateScenarios() {
  if (isScenarioRunning()) return
  const { session } = document.body.dataset
  const isLoggedIn = session === 'in'
  byId('scenarios-hint').hidden = isLoggedIn
  byId('scenarios-hint').textContent =
    session === 'unavailable' ? 'Start the store to continue.' : 'Log in to start a scenario.'
  // A user who has stopped the store may be logged out by now, and must be able to start it.
  for (const button of buttons) setEnabled(button, isLoggedIn || button.id === 'scenario-store-button')
}

function setBusy(isBusy) {
  byId('scenarios').setAttribute('aria-busy', String(isBusy))
}

function describeFailure(error) {
  if (error.code === 'FRT_ERR_CLIENT_UNAVAILABLE')
    return 'The server is unavailable, so the scenario stopped. You are still logged in. If the store is stopped, start it.'
  return `The scenario failed: ${error.message}.`
}

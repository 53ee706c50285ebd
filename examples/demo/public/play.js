import { byId, isOff, turn } from './dom.js'

const buttons = [...document.querySelectorAll('#plays button')]

/**
 * A button that plays: what it does is said while it does it, and what came of it afterwards.
 * @param play is given a function that says, and resolves to the last sentence
 */
export function setUpPlay(id, play) {
  const article = byId(`play-${id}`)
  const button = byId(`play-${id}-button`)
  const outcome = byId(`play-${id}-outcome`)
  const say = (words) => {
    outcome.textContent = words
  }
  button.addEventListener('click', async () => {
    if (isOff(button)) return
    for (const each of buttons) turn(each, false)
    setBusy(true)
    article.dataset.state = 'playing'
    try {
      say(await play(say))
      article.dataset.state = 'done'
    } catch (error) {
      say(wordsFor(error))
      article.dataset.state = 'failed'
    }
    setBusy(false)
    setPlayable()
  })
}

/** Not while a play goes on. */
export function setPlayable() {
  if (byId('plays').getAttribute('aria-busy') === 'true') return
  const isLoggedIn = document.body.dataset.session === 'in'
  byId('plays-hint').hidden = isLoggedIn
  // Whoever has stopped the store may be out by now, and must be able to start it.
  for (const button of buttons) turn(button, isLoggedIn || button.id === 'play-store-button')
}

function setBusy(isBusy) {
  byId('plays').setAttribute('aria-busy', String(isBusy))
}

function wordsFor(error) {
  if (error.code === 'FRT_ERR_CLIENT_UNAVAILABLE')
    return 'The server is not available for now. You are still logged in: is the store stopped?'
  return `That did not go as it should: ${error.message}.`
}

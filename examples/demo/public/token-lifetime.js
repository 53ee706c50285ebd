import { byId } from './dom.js'

const STEP_MS = 250
const bar = byId('token-lifetime')
const text = byId('token-lifetime-text')
let expiresAt = 0

/** Restarts the bar for a new access token. */
export function startLifetime(seconds) {
  expiresAt = performance.now() + seconds * 1000
  bar.max = seconds
  show()
}

export function clearLifetime() {
  expiresAt = 0
  show()
}

export function remainingSeconds() {
  return Math.max(0, (expiresAt - performance.now()) / 1000)
}

function show() {
  const remaining = remainingSeconds()
  const words = remaining > 0 ? `expires in ${Math.ceil(remaining)} s` : 'expired'
  bar.value = remaining
  bar.dataset.state = remaining > 5 ? 'valid' : 'expiring'
  if (text.textContent === words) return
  text.textContent = words
  bar.setAttribute('aria-valuetext', words)
}

setInterval(show, STEP_MS)

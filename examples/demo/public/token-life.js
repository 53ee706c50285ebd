import { byId } from './dom.js'

const STEP_MS = 250
const bar = byId('token-life')
const text = byId('token-life-text')
let endsAt = 0

/** The bar of the access token, which runs down. */
export function fill(seconds) {
  endsAt = performance.now() + seconds * 1000
  bar.max = seconds
  show()
}

export function empty() {
  endsAt = 0
  show()
}

export function leftSeconds() {
  return Math.max(0, (endsAt - performance.now()) / 1000)
}

function show() {
  const left = leftSeconds()
  const words = left > 0 ? `${Math.ceil(left)} s left` : 'expired'
  bar.value = left
  bar.dataset.state = left > 5 ? 'good' : 'low'
  if (text.textContent === words) return
  text.textContent = words
  bar.setAttribute('aria-valuetext', words)
}

setInterval(show, STEP_MS)

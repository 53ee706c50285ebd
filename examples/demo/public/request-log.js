import { byId, element } from './dom.js'
import { explainCode } from './explanations.js'

const MAX_ENTRIES = 30
const list = byId('request-log')

/** Adds a request at the top of the list. */
export function logRequest({ sender, method, path, status, code = '' }) {
  const shownStatus = String(status ?? 'lost')
  byId('requests-empty').hidden = true
  list.prepend(
    element(
      'li',
      { data: { status: shownStatus, kind: kindOf(status, code), sender } },
      element('span', { className: 'sender', textContent: sender }),
      element('code', { textContent: `${method} ${path}` }),
      element('b', { textContent: shownStatus }),
      element('small', { textContent: noteOf(status, code) })
    )
  )
  while (list.children.length > MAX_ENTRIES) list.lastElementChild.remove()
  showWholeRows()
}

function noteOf(status, code) {
  if (status === null) return 'The connection broke before the response was complete.'
  return code ? `${explainCode(code)} ${code}`.trim() : ''
}

function kindOf(status, code) {
  if (status === null) return 'lost'
  if (code === 'FRT_ERR_NO_REFRESH_TOKEN') return 'info'
  if (status < 400) return 'ok'
  return status < 500 ? 'rejected' : 'unavailable'
}

/** Shortens the list beside the scenarios to whole rows. In one column the list has no limit. */
function showWholeRows() {
  list.style.maxHeight = ''
  const available = list.clientHeight
  if (list.scrollHeight <= available) return
  let height = 0
  for (const row of list.children) {
    const next = height + row.getBoundingClientRect().height
    if (next > available) break
    height = next
  }
  list.style.maxHeight = `${Math.floor(height)}px`
}

new ResizeObserver(showWholeRows).observe(byId('generations'))
addEventListener('resize', showWholeRows)

import { byId, element } from './dom.js'

const MAX_ENTRIES = 60

/** Shows an entry above those before. */
export function log({ who, method, path, status, code = '' }) {
  const list = byId('wire-log')
  byId('wire-empty').hidden = true
  list.prepend(
    element(
      'li',
      { data: { status: String(status ?? 'lost'), kind: kindOf(status), who } },
      element('span', { className: 'who', textContent: who }),
      element('code', { textContent: `${method} ${path}` }),
      element('b', { textContent: String(status ?? 'lost') }),
      element('small', { textContent: code ?? '' })
    )
  )
  while (list.children.length > MAX_ENTRIES) list.lastElementChild.remove()
}

function kindOf(status) {
  if (status === null) return 'lost'
  if (status < 400) return 'good'
  return status < 500 ? 'refused' : 'down'
}

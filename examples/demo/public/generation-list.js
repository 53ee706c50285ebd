import { byId, element } from './dom.js'
import { describe, generationsOf } from './generations.js'

const MAX_SHOWN = 5
const shown = new WeakMap()

export function showGenerations(events) {
  const generations = generationsOf(events).slice(-MAX_SHOWN)
  byId('generations-empty').hidden = generations.length > 0
  renderGenerations(byId('generation-list'), generations)
}

/** Fills a list. An unchanged list is not built again, because screen readers would read it again. */
export function renderGenerations(list, generations) {
  const content = JSON.stringify(generations)
  if (shown.get(list) === content) return
  shown.set(list, content)
  list.replaceChildren(...generations.map(renderGeneration))
}

function renderGeneration(generation) {
  const { gen, state, replays, copied, reused } = generation
  return element(
    'li',
    { data: { gen, state, replays, copied, reused } },
    element('b', { textContent: `Generation ${gen}` }),
    ' ',
    element('span', { textContent: describe(generation) })
  )
}

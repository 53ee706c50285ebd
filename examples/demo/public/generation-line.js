import { byId, element } from './dom.js'
import { generationsOf, wordsOf } from './generations.js'

/** More would be a wall. */
const MAX_SHOWN = 12
let shown = ''

export function showGenerations(happenings) {
  const generations = generationsOf(happenings).slice(-MAX_SHOWN)
  // A list that is built again is read again.
  const news = JSON.stringify(generations)
  if (news === shown) return
  shown = news
  byId('generations-empty').hidden = generations.length > 0
  byId('generation-line').replaceChildren(...generations.map(item))
}

function item(generation) {
  const { gen, state, replays, copied, reused } = generation
  return element(
    'li',
    { data: { gen, state, replays, copied, reused } },
    element('b', { textContent: `Generation ${gen}` }),
    ' ',
    element('span', { textContent: wordsOf(generation) })
  )
}

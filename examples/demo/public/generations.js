/**
 * What happened → the line of generations, oldest first.
 * @returns `{ gen, state: 'current' | 'retired' | 'ended', replays, copied, reused }` of each
 */
export function generationsOf(happenings) {
  const line = new Map()
  for (const { type, gen } of happenings) {
    const generation = line.get(gen) ?? { gen, state: 'retired', replays: 0, copied: false, reused: false }
    if (type === 'replayed') generation.replays++
    if (type === 'copied') generation.copied = true
    if (type === 'reused') generation.reused = true
    line.set(gen, generation)
  }
  const generations = [...line.values()].sort((one, other) => one.gen - other.gen)
  const last = generations.at(-1)
  if (last) last.state = happenings.some(({ type }) => type === 'ended') ? 'ended' : 'current'
  return generations
}

/** In words, which need no colour. */
export function wordsOf({ state, replays, copied, reused }) {
  const words = [state]
  if (replays > 0) words.push(replays === 1 ? 'replayed once' : `replayed ${replays} times`)
  if (copied) words.push('copied by a thief')
  if (reused) words.push('reused: theft found out')
  return words.join(', ')
}

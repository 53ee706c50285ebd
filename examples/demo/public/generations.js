const LAST_STATES = { revoked: 'revoked', expired: 'expired' }

/**
 * Converts the events of a session to its generations, oldest first.
 * @returns `{ gen, state: 'current' | 'retired' | 'revoked' | 'expired', replays, copied, reused }` for each generation
 */
export function generationsOf(events) {
  const byNumber = new Map()
  for (const { type, gen } of events) {
    const generation = byNumber.get(gen) ?? {
      gen,
      state: 'retired',
      replays: 0,
      copied: false,
      reused: false
    }
    if (type === 'replayed') generation.replays++
    if (type === 'copied') generation.copied = true
    if (type === 'reused') generation.reused = true
    byNumber.set(gen, generation)
  }
  const generations = [...byNumber.values()].sort((one, other) => one.gen - other.gen)
  const last = generations.at(-1)
  const end = events.findLast(({ type }) => type in LAST_STATES)
  if (last) last.state = end ? LAST_STATES[end.type] : 'current'
  return generations
}

/** Returns the generations that differ from those before. */
export function changedGenerations(before, after) {
  const known = new Set(before.map((generation) => JSON.stringify(generation)))
  return after.filter((generation) => !known.has(JSON.stringify(generation)))
}

/** Describes a generation in words, so that the color is not needed. */
export function describe({ state, replays, copied, reused }) {
  const words = [state]
  if (replays > 0) words.push(replays === 1 ? 'replayed once' : `replayed ${replays} times`)
  if (copied) words.push('copied by the attacker')
  if (reused) words.push('presented again: reuse detected')
  return words.join(', ')
}

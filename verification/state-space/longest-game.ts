import type { Duel, Edge } from './adversary-game.js'
import { components } from './components.js'

/** How much the thief gets at the most: Infinity where he can go on for ever. */
export interface Stay {
  /** From the theft to the last refresh that he gets through. */
  time: number
  /** How many pairs he gets. */
  pairs: number
  /** What the longest stay looks like; of an endless one a round that can be gone for ever. */
  story: string[]
}

interface Best {
  value: number
  edge: Edge | null
}

const NOTHING = Number.NEGATIVE_INFINITY

export function longestStay(duel: Duel): Stay {
  const time = longest(duel, ({ time }) => time)
  const pairs = longest(duel, ({ thief }) => Number(thief === 'pair'))
  const most = (values: Best[]) =>
    duel.thefts.reduce((most, theft) => Math.max(most, (values[theft] as Best).value), NOTHING)
  const isEndless = most(time) === Number.POSITIVE_INFINITY
  const story = isEndless ? roundOf(duel) : storyOf(duel, time, most(time))
  return { time: most(time), pairs: most(pairs), story }
}

/**
 * For each position the greatest sum over any way from there to the last refresh that the thief gets through. A
 * circle on such a way can be gone round for ever.
 */
function longest(duel: Duel, weigh: (edge: Edge) => number): Best[] {
  const best: Best[] = duel.edges.map(() => ({ value: NOTHING, edge: null }))
  const componentOf: number[] = []
  const all = components(duel.edges)
  all.forEach((members, i) => {
    for (const member of members) componentOf[member] = i
  })
  // In this order, whatever can be reached from a component comes before it.
  all.forEach((members, i) => {
    let value = NOTHING
    let gain = 0
    const inside: Edge[] = []
    for (const member of members) {
      for (const edge of duel.edges[member] as Edge[]) {
        if (componentOf[edge.to] === i) {
          inside.push(edge)
          gain += weigh(edge)
        } else offer(best[member] as Best, edge, weigh, (best[edge.to] as Best).value)
      }
      value = Math.max(value, (best[member] as Best).value)
    }
    const succeeds = inside.some(({ thief }) => thief !== 'none')
    const isEndless = gain > 0 && (value > NOTHING || succeeds)
    if (isEndless)
      for (const member of members) best[member] = { value: Number.POSITIVE_INFINITY, edge: null }
    else if (inside.length > 0) settle(duel, members, componentOf, best, weigh)
  })
  return best
}

function offer(best: Best, edge: Edge, weigh: (edge: Edge) => number, beyond: number): boolean {
  const value = edge.thief === 'none' ? weigh(edge) + beyond : weigh(edge) + Math.max(0, beyond)
  if (value <= best.value) return false
  best.value = value
  best.edge = edge
  return true
}

/** Within a component nothing is gained: the best of it is there for all, by some way. */
function settle(
  duel: Duel,
  members: number[],
  componentOf: number[],
  best: Best[],
  weigh: (edge: Edge) => number
): void {
  for (let isChanged = true; isChanged; ) {
    isChanged = false
    for (const member of members) {
      for (const edge of duel.edges[member] as Edge[]) {
        if (componentOf[edge.to] !== componentOf[member]) continue
        if (offer(best[member] as Best, edge, weigh, (best[edge.to] as Best).value)) isChanged = true
      }
    }
  }
}

function storyOf({ thefts }: Duel, best: Best[], value: number): string[] {
  const story: string[] = []
  let position = thefts.find((theft) => (best[theft] as Best).value === value)
  for (let steps = 0; position !== undefined && steps < 1000; steps++) {
    const { edge } = best[position] as Best
    if (edge) story.push(edge.name)
    position = edge?.to
  }
  return story
}

/** From a pair that the thief gets, over time that passes, to the same pair again. */
function roundOf({ edges }: Duel): string[] {
  for (const members of components(edges)) {
    const inside = new Set(members)
    const own = members.flatMap((from) =>
      (edges[from] as Edge[]).filter(({ to }) => inside.has(to)).map((edge) => ({ from, ...edge }))
    )
    const pair = own.find(({ thief }) => thief === 'pair')
    const wait = own.find(({ time }) => time > 0)
    if (!pair || !wait) continue
    const there = wayBetween(edges, pair.to, wait.from)
    const back = wayBetween(edges, wait.to, pair.from)
    return [pair, ...there, wait, ...back].map(({ name }) => name)
  }
  return []
}

function wayBetween(edges: Edge[][], from: number, to: number): Edge[] {
  const ways = new Map<number, Edge[]>([[from, []]])
  for (const [position, way] of ways) {
    if (position === to) return way
    for (const edge of edges[position] as Edge[]) {
      if (!ways.has(edge.to)) ways.set(edge.to, [...way, edge])
    }
  }
  return []
}

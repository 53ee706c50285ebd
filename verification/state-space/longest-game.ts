import type { Edge, Game } from './adversary-game.js'
import { components } from './components.js'

/** The longest access of the attacker. `Infinity` if it is unlimited. */
export interface LongestGame {
  /** From the theft to the last successful refresh of the attacker. */
  time: number
  /** How many token pairs the attacker gets. */
  pairs: number
  /** The turns of the longest game. If it is unlimited, the turns of a cycle. */
  trace: string[]
}

interface Best {
  value: number
  edge: Edge | null
}

const UNREACHABLE = Number.NEGATIVE_INFINITY

export function longestGame(game: Game): LongestGame {
  const time = longestPaths(game, ({ time }) => time)
  const pairs = longestPaths(game, ({ attacker }) => Number(attacker === 'pair'))
  const maximum = (values: Best[]) =>
    game.theftPositions.reduce(
      (maximum, position) => Math.max(maximum, (values[position] as Best).value),
      UNREACHABLE
    )
  const isUnlimited = maximum(time) === Number.POSITIVE_INFINITY
  const trace = isUnlimited ? cycleOf(game) : traceOf(game, time, maximum(time))
  return { time: maximum(time), pairs: maximum(pairs), trace }
}

/**
 * Returns the greatest sum of weights from each position to the attacker's last successful refresh.
 *
 * A cycle with a positive weight on such a path makes the sum infinite.
 */
function longestPaths(game: Game, weightOf: (edge: Edge) => number): Best[] {
  const best: Best[] = game.edges.map(() => ({ value: UNREACHABLE, edge: null }))
  const componentOf: number[] = []
  const all = components(game.edges)
  all.forEach((members, i) => {
    for (const member of members) componentOf[member] = i
  })
  // Components come after those that they can reach, whose values are therefore known.
  all.forEach((members, i) => {
    let value = UNREACHABLE
    let gain = 0
    const inside: Edge[] = []
    for (const member of members) {
      for (const edge of game.edges[member] as Edge[]) {
        if (componentOf[edge.to] === i) {
          inside.push(edge)
          gain += weightOf(edge)
        } else improve(best[member] as Best, edge, weightOf, (best[edge.to] as Best).value)
      }
      value = Math.max(value, (best[member] as Best).value)
    }
    const succeeds = inside.some(({ attacker }) => attacker !== 'none')
    const isUnlimited = gain > 0 && (value > UNREACHABLE || succeeds)
    if (isUnlimited)
      for (const member of members) best[member] = { value: Number.POSITIVE_INFINITY, edge: null }
    else if (inside.length > 0) propagate(game, members, componentOf, best, weightOf)
  })
  return best
}

function improve(best: Best, edge: Edge, weightOf: (edge: Edge) => number, beyond: number): boolean {
  const value = edge.attacker === 'none' ? weightOf(edge) + beyond : weightOf(edge) + Math.max(0, beyond)
  if (value <= best.value) return false
  best.value = value
  best.edge = edge
  return true
}

/** Spreads the best value of a component to all its members, because each member can reach the others. */
function propagate(
  game: Game,
  members: number[],
  componentOf: number[],
  best: Best[],
  weightOf: (edge: Edge) => number
): void {
  for (let isChanged = true; isChanged; ) {
    isChanged = false
    for (const member of members) {
      for (const edge of game.edges[member] as Edge[]) {
        if (componentOf[edge.to] !== componentOf[member]) continue
        if (improve(best[member] as Best, edge, weightOf, (best[edge.to] as Best).value)) isChanged = true
      }
    }
  }
}

function traceOf({ theftPositions }: Game, best: Best[], value: number): string[] {
  const trace: string[] = []
  let position = theftPositions.find((position) => (best[position] as Best).value === value)
  for (let steps = 0; position !== undefined && steps < 1000; steps++) {
    const { edge } = best[position] as Best
    if (edge) trace.push(edge.name)
    position = edge?.to
  }
  return trace
}

/** Returns a cycle that gives the attacker a token pair and takes time. */
function cycleOf({ edges }: Game): string[] {
  for (const members of components(edges)) {
    const inside = new Set(members)
    const edgesInside = members.flatMap((from) =>
      (edges[from] as Edge[]).filter(({ to }) => inside.has(to)).map((edge) => ({ from, ...edge }))
    )
    const pair = edgesInside.find(({ attacker }) => attacker === 'pair')
    const waitEdge = edgesInside.find(({ time }) => time > 0)
    if (!pair || !waitEdge) continue
    const there = pathBetween(edges, pair.to, waitEdge.from)
    const back = pathBetween(edges, waitEdge.to, pair.from)
    return [pair, ...there, waitEdge, ...back].map(({ name }) => name)
  }
  return []
}

function pathBetween(edges: Edge[][], from: number, to: number): Edge[] {
  const paths = new Map<number, Edge[]>([[from, []]])
  for (const [position, path] of paths) {
    if (position === to) return path
    for (const edge of edges[position] as Edge[]) {
      if (!paths.has(edge.to)) paths.set(edge.to, [...path, edge])
    }
  }
  return []
}

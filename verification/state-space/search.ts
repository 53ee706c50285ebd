import { canonical } from './canonical.js'
import { pack, unpack } from './pack.js'
import { beginning, type World } from './state.js'
import { type Move, movesOf, type Settings } from './transitions.js'
import { Seen } from './visited.js'

/** Says what is wrong with a move, if anything is. */
export type Invariant = (before: World, move: Move) => string | null

export interface Limits {
  maxDepth: number
  maxMs?: number
}

export interface Found {
  states: number
  transitions: number
  /** All orders of so many moves were tried. */
  depth: number
  /** There is nothing beyond: every depth is covered. */
  isWhole: boolean
  seconds: number
  /** The shortest way to break an invariant. */
  violation: { what: string; story: string[] } | null
}

interface Node {
  packed: string
  /** Which of the moves led here, from the beginning on: one character each. */
  path: string
}

/** Every order of moves, breadth first: what it finds first is as short as can be. */
export function search(
  settings: Settings,
  invariants: readonly Invariant[],
  { maxDepth, maxMs = Number.POSITIVE_INFINITY }: Limits
): Found {
  const startedAt = performance.now()
  const seen = new Seen()
  const start = startOf(settings)
  let transitions = 0
  let frontier: Node[] = [{ packed: pack(start), path: '' }]
  seen.add(pack(start))
  const found = (depth: number, rest: Partial<Found>): Found => ({
    ...{ states: seen.size, transitions, depth, isWhole: false, violation: null },
    ...{ seconds: (performance.now() - startedAt) / 1000, ...rest }
  })

  for (let depth = 0; depth < maxDepth; depth++) {
    const next: Node[] = []
    for (const { packed, path } of frontier) {
      if (performance.now() - startedAt > maxMs) return found(depth, {})
      const world = unpack(packed)
      let number = 0
      for (const move of movesOf(world, settings)) {
        transitions++
        const way = path + String.fromCharCode(number++)
        const what = firstOf(invariants, world, move)
        if (what) return found(depth + 1, { violation: { what, story: storyOf(way, settings) } })
        const key = pack(canonical(move.world))
        if (seen.add(key)) next.push({ packed: key, path: way })
      }
    }
    if (next.length === 0) return found(depth + 1, { isWhole: true })
    frontier = next
  }
  return found(maxDepth, {})
}

export function startOf(settings: Settings): World {
  return canonical({ ...beginning(), canSteal: settings.thief, canFailOver: settings.failoverWithin > 0 })
}

function firstOf(invariants: readonly Invariant[], before: World, move: Move): string | null {
  for (const invariant of invariants) {
    const what = invariant(before, move)
    if (what) return what
  }
  return null
}

/** The moves of a path, told one by one. Tokens are named by generation and time of issue, which are relative. */
function storyOf(path: string, settings: Settings): string[] {
  const story: string[] = []
  let world = unpack(pack(startOf(settings)))
  for (const number of path) {
    const move = [...movesOf(world, settings)][number.charCodeAt(0)] as Move
    story.push(move.name)
    world = unpack(pack(canonical(move.world)))
  }
  return story
}

import { canonical } from './canonical.js'
import { pack, unpack } from './pack.js'
import { silenceOf } from './server.js'
import { type State, stateAfterLogin } from './state.js'
import { type Settings, type Transition, transitionsOf } from './transitions.js'
import { VisitedSet } from './visited.js'

/** Checks a transition. Returns what is wrong, or `null`. */
export type Invariant = (before: State, transition: Transition) => string | null

export interface Limits {
  maxDepth: number
  maxMs?: number
}

export interface SearchResult {
  states: number
  transitions: number
  /** All orders of this many transitions were tried. */
  depth: number
  /** All reachable states were visited, so that every depth is covered. */
  isComplete: boolean
  seconds: number
  /** The shortest sequence that breaks an invariant. */
  violation: { message: string; trace: string[] } | null
}

interface Node {
  packed: string
  /** The number of each transition from the first state to this one, as one character each. */
  path: string
}

/** Searches all orders of transitions, breadth first. The first violation is therefore a shortest one. */
export function search(
  settings: Settings,
  invariants: readonly Invariant[],
  { maxDepth, maxMs = Number.POSITIVE_INFINITY }: Limits
): SearchResult {
  const startedAt = performance.now()
  const visited = new VisitedSet()
  const start = initialStateOf(settings)
  let transitions = 0
  let frontier: Node[] = [{ packed: pack(start), path: '' }]
  visited.add(pack(start))
  const resultAt = (depth: number, rest: Partial<SearchResult>): SearchResult => ({
    ...{ states: visited.size, transitions, depth, isComplete: false, violation: null },
    ...{ seconds: (performance.now() - startedAt) / 1000, ...rest }
  })

  for (let depth = 0; depth < maxDepth; depth++) {
    const next: Node[] = []
    for (const { packed, path } of frontier) {
      if (performance.now() - startedAt > maxMs) return resultAt(depth, {})
      const state = unpack(packed)
      let number = 0
      for (const transition of transitionsOf(state, settings)) {
        transitions++
        const nextPath = path + String.fromCharCode(number++)
        const message = firstViolation(invariants, state, transition)
        if (message)
          return resultAt(depth + 1, { violation: { message, trace: traceOf(nextPath, settings) } })
        const key = pack(canonical(transition.state, silenceOf(settings)))
        if (visited.add(key)) next.push({ packed: key, path: nextPath })
      }
    }
    if (next.length === 0) return resultAt(depth + 1, { isComplete: true })
    frontier = next
  }
  return resultAt(maxDepth, {})
}

export function initialStateOf(settings: Settings): State {
  return canonical({
    ...stateAfterLogin(),
    canSteal: settings.attacker,
    canFailOver: settings.failoverLimit > 0
  })
}

function firstViolation(
  invariants: readonly Invariant[],
  before: State,
  transition: Transition
): string | null {
  for (const invariant of invariants) {
    const message = invariant(before, transition)
    if (message) return message
  }
  return null
}

/** Returns the names of the transitions of a path. Tokens are named by generation and time of issue, both relative. */
function traceOf(path: string, settings: Settings): string[] {
  const trace: string[] = []
  let state = unpack(pack(initialStateOf(settings)))
  for (const number of path) {
    const transition = [...transitionsOf(state, settings)][number.charCodeAt(0)] as Transition
    trace.push(transition.name)
    state = unpack(pack(canonical(transition.state, silenceOf(settings))))
  }
  return trace
}

import { canonical } from './canonical.js'
import { pack, unpack } from './pack.js'
import { confirm, refresh, type ServerSettings, silenceOf } from './server.js'
import { type Copy, type State, stateAfterLogin } from './state.js'
import { nameOf, stolenAlternatives, withAccessToken } from './transitions.js'

/**
 * A game between a victim who refreshes regularly and an attacker who copied the cookie jar once.
 *
 * The attacker sees every response. All possible actions of the attacker are searched, so that the best one is included.
 */
export interface GameSettings extends ServerSettings {
  accessTtl: number
  /** The earliest and the latest time of the victim's next refresh, since the last one. */
  victim: { earliest: number; latest: number; confirms: boolean }
  maxStolen: number
  step: number
}

interface Position {
  state: State
  /** Time since the victim's last refresh. */
  since: number
}

export interface Edge {
  name: string
  to: number
  time: number
  /** A successful refresh of the attacker. During the cooldown it returns an access token without a new refresh token. */
  attacker: 'none' | 'cooldown' | 'pair'
}

export interface Game {
  /** The positions directly after the attacker copied the cookie jar. */
  theftPositions: number[]
  /** The turns that are possible at each position. A position without turns is a revoked session. */
  edges: Edge[][]
}

/** Returns all positions that can be reached. */
export function exploreGame(settings: GameSettings): Game {
  const ids = new Map<string, number>()
  const keys: string[] = []
  const edges: Edge[][] = []
  const theftPositions = new Set<number>()
  const idOf = ({ state, since }: Position): number => {
    const key = pack(canonical(state, silenceOf(settings))) + String.fromCharCode(since / settings.step)
    const known = ids.get(key)
    if (known !== undefined) return known
    ids.set(key, keys.length)
    return keys.push(key) - 1
  }
  idOf({ state: { ...stateAfterLogin(), canSteal: true }, since: 0 })
  for (let id = 0; id < keys.length; id++) {
    const key = keys[id] as string
    const position = { state: unpack(key), since: key.charCodeAt(key.length - 1) * settings.step }
    const own: Edge[] = []
    for (const { position: next, ...edge } of turnsOf(position, settings)) {
      const to = idOf(next)
      if (to !== id) own.push({ ...edge, to })
      if (edge.name === THEFT) theftPositions.add(to)
    }
    edges.push(own)
  }
  return { theftPositions: [...theftPositions], edges }
}

const THEFT = 'the attacker copies the cookie jar'

type Turn = Omit<Edge, 'to'> & { position: Position }

function* turnsOf(position: Position, settings: GameSettings): Generator<Turn> {
  const { state, since } = position
  const { victim, step } = settings
  if (!state.store) return
  const after = (name: string, changed: Partial<State>): Turn => ({
    name,
    ...{ time: 0, attacker: 'none', position: { state: { ...state, ...changed }, since } }
  })
  if (since >= victim.earliest) yield victimTurn(state, settings)
  yield* attackerTurns(position, settings)
  if (since + step <= victim.latest) {
    const next = { state: { ...state, now: state.now + step }, since: since + step }
    yield { name: 'time passes', time: step, attacker: 'none', position: next }
  }
  const { cookie } = state
  if (state.canSteal && cookie) yield after(THEFT, { canSteal: false, stolen: [cookie] })
  for (const { gen } of state.accessTokens) {
    yield { ...after('the attacker confirms', confirm(state, gen, settings)) }
  }
}

function victimTurn(state: State, settings: GameSettings): Turn {
  const used = state.cookie as Copy
  const { state: next, row, copy } = refresh(state, used, settings)
  const confirmed = settings.victim.confirms && copy ? confirm(next, copy.gen, settings) : next
  return {
    name: `the victim refreshes with ${nameOf(used)}: row ${row}`,
    time: 0,
    attacker: 'none',
    position: { state: { ...confirmed, cookie: copy ?? used }, since: 0 }
  }
}

function* attackerTurns({ state, since }: Position, settings: GameSettings): Generator<Turn> {
  for (const used of state.stolen) {
    if (state.store && state.store.issuedUs > state.now) return
    const { state: next, row, copy } = refresh(state, used, settings)
    const accessTokens = copy
      ? withAccessToken(state, copy.gen, state.now + settings.accessTtl)
      : state.accessTokens
    for (const stolen of stolenAlternatives(state.stolen, copy, settings.maxStolen)) {
      yield {
        name: `the attacker presents ${nameOf(used)}: row ${row}`,
        time: 0,
        attacker: copy ? (row === 3 ? 'cooldown' : 'pair') : 'none',
        position: { state: { ...next, accessTokens, stolen }, since }
      }
    }
  }
}

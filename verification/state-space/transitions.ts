import { confirm, type RefreshResult, refresh, revoke, type ServerSettings } from './server.js'
import { ACCESS_TTL, type Copy, EPSILON, type PendingRefresh, type State, W } from './state.js'

export interface Settings extends ServerSettings {
  tabs: number
  /** An attacker can copy the cookie jar, once. */
  attacker: boolean
  /** How many copies the attacker keeps. */
  maxStolen: number
  /** Requests and responses can be lost. */
  canLose: boolean
  /** A request or a response takes less than this, unless it is lost. */
  oneWayLimit: number
  /** A request and its response together take less than this. */
  roundTripLimit: number
  logout: boolean
  /** The store can fail over once, and lose the writes of less than this time. 0: no failover. */
  failoverLimit: number
  /** By which amounts the clock can move. */
  steps: readonly number[]
}

export const BOUNDARIES = [EPSILON, W - EPSILON, W, 3 * W - EPSILON, 3 * W, ACCESS_TTL]

export const defaults: Omit<Settings, 'rule'> = {
  untilConfirmed: true,
  tabs: 2,
  attacker: false,
  maxStolen: 2,
  canLose: true,
  oneWayLimit: Number.POSITIVE_INFINITY,
  roundTripLimit: Number.POSITIVE_INFINITY,
  logout: false,
  failoverLimit: 0,
  steps: BOUNDARIES
}

/** A refresh token that reached the server. */
export interface Use extends Omit<RefreshResult, 'state'> {
  by: 'browser' | 'attacker'
  used: Copy
}

export interface Transition {
  name: string
  state: State
  use?: Use
}

/** Yields all transitions from a state. */
export function* transitionsOf(state: State, settings: Settings): Generator<Transition> {
  yield* browserTransitions(state, settings)
  yield* attackerTransitions(state, settings)
  yield* storeTransitions(state, settings)
  yield* clockTransitions(state, settings)
}

function* browserTransitions(state: State, settings: Settings): Generator<Transition> {
  const { cookie, pendingRefreshes, now } = state
  if (cookie && pendingRefreshes.length < settings.tabs) {
    // Without a time limit the time of sending has no effect.
    const isTimed = Math.min(settings.oneWayLimit, settings.roundTripLimit) < Number.POSITIVE_INFINITY
    const sent = isTimed ? now : now - ACCESS_TTL
    const pending: PendingRefresh = { direction: 'request', copy: cookie, gen: 0, sent, since: sent }
    yield {
      name: `a tab sends ${nameOf(cookie)}`,
      state: { ...state, pendingRefreshes: [...pendingRefreshes, pending] }
    }
  }
  for (const pending of pendingRefreshes) {
    const others = pendingRefreshes.filter((other) => other !== pending)
    if (pending.direction === 'request') yield* requestArrives(state, pending, others, settings)
    else yield responseArrives(state, pending, others)
    if (settings.canLose)
      yield { name: `the ${pending.direction} is lost`, state: { ...state, pendingRefreshes: others } }
  }
  if (settings.logout && cookie) yield { name: 'logout', state: { ...revoke(state), cookie: null } }
}

function* requestArrives(
  state: State,
  { copy: used, sent }: PendingRefresh,
  others: readonly PendingRefresh[],
  settings: Settings
): Generator<Transition> {
  if (!used || isMicrosecondFull(state)) return
  const { state: next, ...result } = refresh(state, used, settings)
  const { row, copy } = result
  const back: PendingRefresh = {
    direction: 'response',
    copy: row === 3 ? null : copy,
    gen: copy?.gen ?? 0,
    sent,
    since: state.now
  }
  yield {
    name: `the server receives ${nameOf(used)}: row ${row}`,
    state: { ...next, pendingRefreshes: copy ? [...others, back] : others },
    use: { by: 'browser', used, ...result }
  }
}

function responseArrives(
  state: State,
  { copy, gen, since }: PendingRefresh,
  pendingRefreshes: readonly PendingRefresh[]
): Transition {
  const accessTokens = withAccessToken(state, gen, since + ACCESS_TTL)
  const name = copy ? `the response sets ${nameOf(copy)}` : 'the response arrives'
  // A browser stores a late cookie even after a logout.
  return { name, state: { ...state, pendingRefreshes, accessTokens, cookie: copy ?? state.cookie } }
}

export function withAccessToken({ accessTokens, now }: State, gen: number, expiresAt: number) {
  if (expiresAt <= now) return accessTokens
  const other = accessTokens.find((accessToken) => accessToken.gen === gen)
  if (other && other.expiresAt >= expiresAt) return accessTokens
  return [...accessTokens.filter((accessToken) => accessToken !== other), { gen, expiresAt }]
}

function* attackerTransitions(state: State, settings: Settings): Generator<Transition> {
  const { cookie, stolen, canSteal } = state
  if (canSteal && cookie) {
    yield {
      name: `the attacker copies ${nameOf(cookie)}`,
      state: { ...state, canSteal: false, stolen: [cookie] }
    }
  }
  if (isMicrosecondFull(state)) return
  for (const used of stolen) {
    const { state: next, row, copy } = refresh(state, used, settings)
    const use: Use = { by: 'attacker', used, row, copy }
    const name = `the attacker presents ${nameOf(used)}: row ${row}`
    const accessTokens = copy ? withAccessToken(state, copy.gen, state.now + ACCESS_TTL) : state.accessTokens
    for (const kept of stolenAlternatives(stolen, copy, settings.maxStolen)) {
      yield { name, state: { ...next, accessTokens, stolen: kept }, use }
    }
  }
}

/** Returns the sets of copies that the attacker can keep. If there are too many, any old one can be dropped. */
export function stolenAlternatives(
  stolen: readonly Copy[],
  copy: Copy | null,
  maxStolen: number
): (readonly Copy[])[] {
  if (!copy || stolen.some(({ gen, at }) => gen === copy.gen && at === copy.at)) return [stolen]
  if (stolen.length < maxStolen) return [[...stolen, copy]]
  return stolen.map((dropped) => [...stolen.filter((other) => other !== dropped), copy])
}

function* storeTransitions(state: State, settings: Settings): Generator<Transition> {
  for (const { gen } of state.accessTokens) {
    yield { name: `generation ${gen} is confirmed`, state: confirm(state, gen, settings) }
  }
  if (!state.canFailOver) return
  const { store, replica, now } = state
  if (replica === undefined && store) {
    const since = settings.failoverLimit < Number.POSITIVE_INFINITY ? now : now - ACCESS_TTL
    yield { name: 'the replica starts to lag', state: { ...state, replica: store, replicaSince: since } }
  }
  if (replica !== undefined) {
    yield { name: 'the replica takes over', state: { ...state, store: replica, ...NO_REPLICA } }
    yield { name: 'the replica has caught up', state: { ...state, ...NO_REPLICA } }
  }
}

function* clockTransitions(state: State, settings: Settings): Generator<Transition> {
  for (const step of settings.steps) {
    const now = state.now + step
    if (state.pendingRefreshes.some((pending) => isLate(pending, now, settings))) continue
    if (state.replica !== undefined && now - state.replicaSince >= settings.failoverLimit) continue
    yield { name: `the clock moves by ${step / W} W`, state: { ...state, now } }
  }
}

function isLate(
  { sent, since }: PendingRefresh,
  now: number,
  { oneWayLimit, roundTripLimit }: Settings
): boolean {
  return now - since >= oneWayLimit || now - sent >= roundTripLimit
}

const NO_REPLICA = { replica: undefined, canFailOver: false }

/** Limits the copies per time unit. A few are allowed, so that copies of equal time are covered. */
function isMicrosecondFull({ store, now }: State): boolean {
  return store !== null && store.issuedUs > now
}

export function nameOf({ gen, at }: Copy): string {
  return `${gen}@${at / W}`
}

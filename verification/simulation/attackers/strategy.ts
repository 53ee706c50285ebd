import type { Random } from '../random.js'
import type { RefreshToken } from '../server.js'
import { DAY, HOUR, MINUTE, SECOND } from '../timeline.js'
import type { Attack, AttackContext } from './attacker.js'

/** When the attacker refreshes next: this long after its own last refresh, or after the victim's next. */
interface Wait {
  after: 'own' | 'victim'
  ms: number
}

const PRESENTED = ['newest', 'stolen', 'oldest', 'previous', 'random'] as const

/** The parameters of an attacker, which the search varies. The order of the fields is part of the search. */
export interface Strategy {
  /** The wait before the first refresh. */
  first: Wait
  /** The wait after a burst that returned no new token. */
  onSame: Wait
  /** The wait after a burst that returned a new token. */
  onNew: Wait
  /** Which of the collected tokens the attacker presents. `oldest` is the oldest of the newest generation. */
  presents: (typeof PRESENTED)[number]
  /** How many refreshes in a row, and the time between them. */
  burst: { count: number; gapMs: number }
  /** The share of access tokens that the attacker uses. Each use confirms. */
  uses: number
  /** The attacker pauses for `ms` after this number of bursts. */
  pause: { after: number; ms: number }
  /** Whether the attacker retries after a 503. Otherwise it pauses. */
  retries: boolean
}

const MAX_REFRESHES = 1000

export function* attackWith(strategy: Strategy, { stolenToken, random }: AttackContext): Attack {
  const held: RefreshToken[] = [stolenToken]
  let wait = strategy.first
  for (let bursts = 1, refreshes = 0; refreshes < MAX_REFRESHES; bursts++) {
    if (wait.after === 'victim') yield { victimRefreshes: DAY }
    yield { wait: wait.ms }
    wait = strategy.onSame
    for (let i = 0; i < strategy.burst.count && refreshes < MAX_REFRESHES; i++) {
      if (i > 0) yield { wait: strategy.burst.gapMs }
      const { response } = yield { present: choose(strategy.presents, held, random) }
      refreshes++
      if (response?.status === 401 || !response) return
      if (response.status === 503) {
        yield { wait: strategy.retries ? SECOND : strategy.pause.ms }
        continue
      }
      if (random.chance(strategy.uses)) yield { use: response.access }
      if (!response.setsCookie) continue
      held.push(response.token)
      wait = strategy.onNew
    }
    if (bursts % strategy.pause.after === 0) yield { wait: strategy.pause.ms }
  }
}

function choose(presents: Strategy['presents'], held: readonly RefreshToken[], random: Random): RefreshToken {
  const [stolen] = held
  const newest = held.at(-1) ?? stolen
  const oldest = held.find(({ gen }) => gen === newest?.gen)
  const any = held[Math.floor(random.next() * held.length)]
  const chosen = { newest, stolen, oldest, previous: held.at(-2), random: any }[presents] ?? newest
  if (!chosen) throw new Error('the attacker has no token')
  return chosen
}

export function randomStrategy(random: Random): Strategy {
  return {
    first: randomWait(random),
    onSame: randomWait(random),
    onNew: randomWait(random),
    presents: random.of(PRESENTED),
    burst: randomBurst(random),
    uses: random.of([0, 0, 0.5, 1]),
    pause: randomPause(random),
    retries: random.chance(0.5)
  }
}

/** Returns a copy with one or two fields replaced by random ones. */
export function mutate(strategy: Strategy, random: Random): Strategy {
  const other = randomStrategy(random)
  const keys = Object.keys(strategy) as (keyof Strategy)[]
  const mutated = { ...strategy }
  for (let i = 0; i < 1 + Number(random.chance(0.5)); i++) {
    const key = keys[Math.floor(random.next() * keys.length)]
    if (key) Object.assign(mutated, { [key]: other[key] })
  }
  return mutated
}

function logUniform(random: Random, low: number, high: number): number {
  return Math.round(low * (high / low) ** random.next())
}

function randomWait(random: Random): Wait {
  return random.chance(0.5)
    ? { after: 'own', ms: logUniform(random, 500, HOUR) }
    : { after: 'victim', ms: logUniform(random, 50, 10 * MINUTE) }
}

function randomBurst(random: Random): Strategy['burst'] {
  const count = random.of([1, 1, 1, 2, 3, 8])
  return { count, gapMs: logUniform(random, 100, 2 * MINUTE) }
}

function randomPause(random: Random): Strategy['pause'] {
  return random.chance(0.5)
    ? { after: 1_000_000, ms: HOUR }
    : { after: random.of([1, 2, 3, 5]), ms: logUniform(random, MINUTE, 2 * HOUR) }
}

export function describe(strategy: Strategy): string {
  const wait = ({ after, ms }: Wait) =>
    `${seconds(ms)} after ${after === 'own' ? 'its own refresh' : "the victim's refresh"}`
  const { burst, pause } = strategy
  return [
    `first ${wait(strategy.first)}`,
    `then ${wait(strategy.onSame)}`,
    `${wait(strategy.onNew)} if it got a new token`,
    `presents the ${strategy.presents} token`,
    burst.count > 1 && `${burst.count} in a row, ${seconds(burst.gapMs)} apart`,
    `uses ${strategy.uses * 100} % of the access tokens`,
    pause.after < 1000 && `pauses for ${seconds(pause.ms)} after every ${pause.after} bursts`
  ]
    .filter(Boolean)
    .join(', ')
}

function seconds(ms: number): string {
  return ms < MINUTE ? `${(ms / SECOND).toFixed(1)} s` : `${(ms / MINUTE).toFixed(1)} min`
}

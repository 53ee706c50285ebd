import type { Random } from '../random.js'
import type { Token } from '../server.js'
import { DAY, HOUR, MINUTE, SECOND } from '../time.js'
import type { Loot, Play } from './attacker.js'

/** When to act next: so long after one's own last refresh, or after the victim's next. */
interface Wait {
  after: 'own' | 'victim'
  ms: number
}

const SHOWS = ['newest', 'stolen', 'oldest', 'previous', 'random'] as const

/** A thief as a handful of numbers, for the search to turn. */
export interface Policy {
  first: Wait
  /** Once an answer has brought no new token. */
  onSame: Wait
  /** Once it has brought a new one. */
  onNew: Wait
  /** Which of the tokens that he has collected he presents; `oldest` of the newest generation. */
  shows: (typeof SHOWS)[number]
  /** How many refreshes in a row, and how far apart. */
  burst: { count: number; gapMs: number }
  /** The share of access tokens that he uses, each of which confirms. */
  uses: number
  /** After so many bursts he is quiet for so long. */
  rest: { after: number; ms: number }
  /** Whether he tries again when told to, or takes it for a warning and is quiet for as long as in `rest`. */
  again: boolean
}

/** No thief does more than this. */
const MOST_REFRESHES = 1000

export function* playPolicy(policy: Policy, { token, random }: Loot): Play {
  const held: Token[] = [token]
  let wait = policy.first
  for (let bursts = 1, refreshes = 0; refreshes < MOST_REFRESHES; bursts++) {
    if (wait.after === 'victim') yield { victimRefreshes: DAY }
    yield { wait: wait.ms }
    wait = policy.onSame
    for (let i = 0; i < policy.burst.count && refreshes < MOST_REFRESHES; i++) {
      if (i > 0) yield { wait: policy.burst.gapMs }
      const { answer } = yield { present: choose(policy.shows, held, random) }
      refreshes++
      if (answer?.status === 401 || !answer) return
      if (answer.status === 503) {
        yield { wait: policy.again ? SECOND : policy.rest.ms }
        continue
      }
      if (random.chance(policy.uses)) yield { use: answer.access }
      if (!answer.setsCookie) continue
      held.push(answer.token)
      wait = policy.onNew
    }
    if (bursts % policy.rest.after === 0) yield { wait: policy.rest.ms }
  }
}

function choose(shows: Policy['shows'], held: readonly Token[], random: Random): Token {
  const [stolen] = held
  const newest = held.at(-1) ?? stolen
  const oldest = held.find(({ gen }) => gen === newest?.gen)
  const any = held[Math.floor(random.next() * held.length)]
  const chosen = { newest, stolen, oldest, previous: held.at(-2), random: any }[shows] ?? newest
  if (!chosen) throw new Error('a thief without a token')
  return chosen
}

export function randomPolicy(random: Random): Policy {
  return {
    first: randomWait(random),
    onSame: randomWait(random),
    onNew: randomWait(random),
    shows: random.of(SHOWS),
    burst: randomBurst(random),
    uses: random.of([0, 0, 0.5, 1]),
    rest: randomRest(random),
    again: random.chance(0.5)
  }
}

/** The same thief, but for one or two of his habits. */
export function mutated(policy: Policy, random: Random): Policy {
  const other = randomPolicy(random)
  const keys = Object.keys(policy) as (keyof Policy)[]
  const changed = { ...policy }
  for (let i = 0; i < 1 + Number(random.chance(0.5)); i++) {
    const key = keys[Math.floor(random.next() * keys.length)]
    if (key) Object.assign(changed, { [key]: other[key] })
  }
  return changed
}

function logUniform(random: Random, low: number, high: number): number {
  return Math.round(low * (high / low) ** random.next())
}

function randomWait(random: Random): Wait {
  return random.chance(0.5)
    ? { after: 'own', ms: logUniform(random, 500, HOUR) }
    : { after: 'victim', ms: logUniform(random, 50, 10 * MINUTE) }
}

function randomBurst(random: Random): Policy['burst'] {
  const count = random.of([1, 1, 1, 2, 3, 8])
  return { count, gapMs: logUniform(random, 100, 2 * MINUTE) }
}

function randomRest(random: Random): Policy['rest'] {
  return random.chance(0.5)
    ? { after: 1_000_000, ms: HOUR }
    : { after: random.of([1, 2, 3, 5]), ms: logUniform(random, MINUTE, 2 * HOUR) }
}

export function describe(policy: Policy): string {
  const wait = ({ after, ms }: Wait) => `${seconds(ms)} after ${after === 'own' ? 'his own' : "the victim's"}`
  const { burst, rest } = policy
  return [
    `first ${wait(policy.first)}`,
    `then ${wait(policy.onSame)}`,
    `${wait(policy.onNew)} where a new token came`,
    `presents the ${policy.shows}`,
    burst.count > 1 && `${burst.count} in a row, ${seconds(burst.gapMs)} apart`,
    `uses ${policy.uses * 100} %`,
    rest.after < 1000 && `quiet for ${seconds(rest.ms)} after ${rest.after}`
  ]
    .filter(Boolean)
    .join(', ')
}

function seconds(ms: number): string {
  return ms < MINUTE ? `${(ms / SECOND).toFixed(1)} s` : `${(ms / MINUTE).toFixed(1)} min`
}

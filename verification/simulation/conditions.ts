import type { Habits } from './browser.js'
import { type Network, quick } from './network.js'
import type { Random } from './random.js'
import { DAY, HOUR, MINUTE, SECOND } from './time.js'

export interface Condition {
  /** Part of the seed of the random numbers. `labelOf` returns the name that is printed. */
  name: string
  /** Refreshes per user, as a multiple of those in the first condition. */
  weight: number
  habits: Habits
}

const MORNING = 8 * HOUR
const EVENING = 22 * HOUR

/** A laptop: open for about forty minutes at a time by day, closed at night. */
function laptop(random: Random, now: number): { awakeMs: number; asleepMs: number } {
  const time = now % DAY
  const awakeMs = Math.min(random.exponential(40 * MINUTE), Math.max(MINUTE, EVENING - time))
  const shutAt = time + awakeMs
  const night = shutAt >= EVENING ? DAY - shutAt + MORNING : 0
  return { awakeMs, asleepMs: night + random.exponential(50 * MINUTE) }
}

/** A phone: used for about two minutes at a time, and frozen in between. */
function phone(random: Random, now: number): { awakeMs: number; asleepMs: number } {
  const night = now % DAY > EVENING ? DAY - EVENING + MORNING : 0
  return { awakeMs: random.exponential(2 * MINUTE), asleepMs: night + random.exponential(20 * MINUTE) }
}

const GOOD: Network = { loss: 0.001, requestMs: quick, answerMs: quick }

const mobileLeg = (random: Random) => 50 + random.exponential(300)
const MOBILE: Network = { loss: 0.05, requestMs: mobileLeg, answerMs: mobileLeg }

/** One response in fifty is slow, because the server is busy. */
const SLOW_ANSWERS: Network = {
  loss: 0.001,
  requestMs: quick,
  answerMs: (random) => (random.chance(0.02) ? random.between(SECOND, 20 * SECOND) : quick(random))
}

const ALWAYS_SLOW_ANSWERS: Network = {
  ...SLOW_ANSWERS,
  answerMs: (random) => random.between(SECOND, 10 * SECOND)
}

/** @param tailMs how much longer than 15 s a slow one-way transmission takes, on average */
function lossyAndVerySlow(tailMs: number): Network {
  const leg = (random: Random) =>
    random.chance(0.1) ? 15 * SECOND + random.exponential(tailMs) : 50 + random.exponential(500)
  return { loss: 0.05, requestMs: leg, answerMs: leg }
}

/** Returns a pause of one second that doubles each time, up to a minute. */
function backOff(random: Random, tries: number): number {
  return Math.min(SECOND * 2 ** (tries - 1), MINUTE) * random.between(0.5, 1.5)
}

const ONE_TAB: Habits = {
  network: GOOD,
  tabs: 1,
  timeoutMs: 10 * SECOND,
  retryMs: backOff,
  gapMs: 30 * SECOND,
  pageLoadMs: null,
  sleep: laptop,
  rendering: null,
  failovers: 0
}

const PHONE: Habits = { ...ONE_TAB, network: MOBILE, sleep: phone }
const FIVE_TABS: Habits = { ...ONE_TAB, tabs: 5, pageLoadMs: 15 * MINUTE, network: SLOW_ANSWERS }
const TWO_TABS: Habits = { ...FIVE_TABS, tabs: 2 }

/** Returns the habits of the victims. */
export function everyCondition(): Record<'oneTab' | 'mobile' | 'fiveTabs', Habits> {
  return { oneTab: ONE_TAB, mobile: PHONE, fiveTabs: FIVE_TABS }
}

export const conditions: Condition[] = [
  { name: 'one tab, 0.1 % of requests or answers lost', weight: 1, habits: ONE_TAB },
  {
    name: 'one tab, 0.3 % lost, asked for again at the next click, 80 s later on average',
    weight: 1,
    habits: {
      ...ONE_TAB,
      network: { ...GOOD, loss: 0.003 },
      retryMs: (random) => random.exponential(80 * SECOND)
    }
  },
  { name: 'one tab, lossy mobile network, sleeping clients', weight: 0.5, habits: PHONE },
  {
    name: 'five tabs and page loads, good network with slow answers',
    weight: 6,
    habits: FIVE_TABS
  },
  {
    name: 'the same, all five nearly at once, and each answer takes 1 to 10 s',
    weight: 6,
    habits: { ...FIVE_TABS, gapMs: SECOND / 2, pageLoadMs: null, network: ALWAYS_SLOW_ANSWERS }
  },
  {
    name: 'five tabs and page loads, lossy and very slow: a tenth of the legs takes 15 s and 10 s more on average',
    weight: 8,
    habits: { ...FIVE_TABS, network: lossyAndVerySlow(10 * SECOND) }
  },
  {
    name: 'the same, 15 s and 20 s more on average',
    weight: 8,
    habits: { ...FIVE_TABS, network: lossyAndVerySlow(20 * SECOND) }
  },
  {
    name: 'two tabs, a rendering server shares the cookie; its uses do not confirm (`confirms`)',
    weight: 2.5,
    habits: { ...TWO_TABS, rendering: { confirms: false } }
  },
  {
    name: 'the same; its uses confirm',
    weight: 2.5,
    habits: { ...TWO_TABS, rendering: { confirms: true } }
  },
  {
    name: 'two tabs, a store failover after each 200th refresh',
    weight: 2.5,
    habits: { ...TWO_TABS, failovers: 0.005 }
  }
]

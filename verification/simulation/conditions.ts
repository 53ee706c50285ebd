import type { ClientBehavior } from './client-device.js'
import { type Network, quick } from './network.js'
import type { Random } from './random.js'
import { DAY, HOUR, MINUTE, SECOND } from './timeline.js'

export interface Condition {
  name: string
  /** Used as a seed of the random numbers instead of `name`. See `seedNameOf`. */
  seedName?: string
  /** Number of refreshes per user, as a multiple of the first condition. */
  weight: number
  behavior: ClientBehavior
}

const MORNING = 8 * HOUR
const EVENING = 22 * HOUR

/** A laptop is open for about 40 minutes at a time during the day, and closed at night. */
function laptop(random: Random, now: number): { awakeMs: number; asleepMs: number } {
  const time = now % DAY
  const awakeMs = Math.min(random.exponential(40 * MINUTE), Math.max(MINUTE, EVENING - time))
  const closedAt = time + awakeMs
  const night = closedAt >= EVENING ? DAY - closedAt + MORNING : 0
  return { awakeMs, asleepMs: night + random.exponential(50 * MINUTE) }
}

/** A phone is used for about two minutes at a time, and frozen in between. */
function phone(random: Random, now: number): { awakeMs: number; asleepMs: number } {
  const night = now % DAY > EVENING ? DAY - EVENING + MORNING : 0
  return { awakeMs: random.exponential(2 * MINUTE), asleepMs: night + random.exponential(20 * MINUTE) }
}

const GOOD: Network = { loss: 0.001, requestMs: quick, responseMs: quick }

const mobileMs = (random: Random) => 50 + random.exponential(300)
const MOBILE: Network = { loss: 0.05, requestMs: mobileMs, responseMs: mobileMs }

/** One response in fifty is slow, because the server is busy. */
const SLOW_RESPONSES: Network = {
  loss: 0.001,
  requestMs: quick,
  responseMs: (random) => (random.chance(0.02) ? random.between(SECOND, 20 * SECOND) : quick(random))
}

const ALWAYS_SLOW_RESPONSES: Network = {
  ...SLOW_RESPONSES,
  responseMs: (random) => random.between(SECOND, 10 * SECOND)
}

/** @param tailMs by how much a slow request or response exceeds 15 s, on average */
function lossyAndVerySlow(tailMs: number): Network {
  const oneWayMs = (random: Random) =>
    random.chance(0.1) ? 15 * SECOND + random.exponential(tailMs) : 50 + random.exponential(500)
  return { loss: 0.05, requestMs: oneWayMs, responseMs: oneWayMs }
}

/** Returns about one second, doubled at each try, up to about a minute. */
function backOff(random: Random, tries: number): number {
  return Math.min(SECOND * 2 ** (tries - 1), MINUTE) * random.between(0.5, 1.5)
}

const ONE_TAB: ClientBehavior = {
  network: GOOD,
  tabs: 1,
  timeoutMs: 10 * SECOND,
  retryMs: backOff,
  gapMs: 30 * SECOND,
  pageLoadMs: null,
  sleep: laptop,
  rendering: null,
  failovers: 0,
  kills: null
}

const PHONE: ClientBehavior = { ...ONE_TAB, network: MOBILE, sleep: phone }
const FIVE_TABS: ClientBehavior = { ...ONE_TAB, tabs: 5, pageLoadMs: 15 * MINUTE, network: SLOW_RESPONSES }
const TWO_TABS: ClientBehavior = { ...FIVE_TABS, tabs: 2 }

/** The device does not sleep, so that the kills are the only cause of logouts. */
function killed(behavior: ClientBehavior, closedMs: (random: Random) => number): ClientBehavior {
  return { ...behavior, sleep: null, kills: { share: 0.02, closedMs } }
}

export const victimBehaviors = { oneTab: ONE_TAB, mobile: PHONE, fiveTabs: FIVE_TABS }

export const conditions: Condition[] = [
  {
    name: 'one tab, 0.1 % of requests or responses lost',
    seedName: 'one tab, 0.1 % of requests or answers lost',
    weight: 1,
    behavior: ONE_TAB
  },
  {
    name: 'one tab, 0.3 % lost, retried at the next click, 80 s later on average',
    seedName: 'one tab, 0.3 % lost, asked for again at the next click, 80 s later on average',
    weight: 1,
    behavior: {
      ...ONE_TAB,
      network: { ...GOOD, loss: 0.003 },
      retryMs: (random) => random.exponential(80 * SECOND)
    }
  },
  { name: 'one tab, lossy mobile network, sleeping clients', weight: 0.5, behavior: PHONE },
  {
    name: 'five tabs and page loads, good network with slow responses',
    seedName: 'five tabs and page loads, good network with slow answers',
    weight: 6,
    behavior: FIVE_TABS
  },
  {
    name: 'the same, all five nearly at once, each response takes 1 to 10 s',
    seedName: 'the same, all five nearly at once, and each answer takes 1 to 10 s',
    weight: 6,
    behavior: { ...FIVE_TABS, gapMs: SECOND / 2, pageLoadMs: null, network: ALWAYS_SLOW_RESPONSES }
  },
  {
    name: 'five tabs and page loads, lossy and very slow network',
    seedName:
      'five tabs and page loads, lossy and very slow: a tenth of the legs takes 15 s and 10 s more on average',
    weight: 8,
    behavior: { ...FIVE_TABS, network: lossyAndVerySlow(10 * SECOND) }
  },
  {
    name: 'the same, even slower network',
    seedName: 'the same, 15 s and 20 s more on average',
    weight: 8,
    behavior: { ...FIVE_TABS, network: lossyAndVerySlow(20 * SECOND) }
  },
  {
    name: 'two tabs, a rendering server shares the cookie and does not confirm (`confirms`)',
    seedName: 'two tabs, a rendering server shares the cookie; its uses do not confirm (`confirms`)',
    weight: 2.5,
    behavior: { ...TWO_TABS, rendering: { confirms: false } }
  },
  {
    name: 'the same, the rendering server confirms',
    seedName: 'the same; its uses confirm',
    weight: 2.5,
    behavior: { ...TWO_TABS, rendering: { confirms: true } }
  },
  {
    name: 'two tabs, a store failover after each 200th refresh',
    weight: 2.5,
    behavior: { ...TWO_TABS, failovers: 0.005 }
  },
  {
    name: 'one tab, the browser is killed and restarted after 1 to 4 minutes',
    seedName: 'killed, restarted after 1-4 minutes',
    weight: 4,
    behavior: killed(ONE_TAB, (random) => random.between(MINUTE, 4 * MINUTE))
  },
  {
    name: 'the same, after 5 to 30 minutes',
    seedName: 'killed, restarted after 5-30 minutes',
    weight: 4,
    behavior: killed(ONE_TAB, (random) => random.between(5 * MINUTE, 30 * MINUTE))
  },
  {
    name: 'the same, after 1 to 12 hours',
    seedName: 'killed, restarted after 1-12 hours',
    weight: 4,
    behavior: killed(ONE_TAB, (random) => random.between(HOUR, 12 * HOUR))
  },
  {
    name: 'the same, after 1 to 5 days',
    seedName: 'killed, restarted after 1-5 days',
    weight: 4,
    behavior: killed(ONE_TAB, (random) => random.between(DAY, 5 * DAY))
  },
  {
    name: 'five tabs and page loads, killed and restarted after 5 to 30 minutes',
    seedName: 'five tabs, killed, restarted after 5-30 minutes',
    weight: 8,
    behavior: killed(FIVE_TABS, (random) => random.between(5 * MINUTE, 30 * MINUTE))
  }
]

import type { Random } from './random.js'

/** The way between a client and the server, one leg at a time. */
export interface Network {
  /** The share of legs (requests, and answers) that never arrive. */
  loss: number
  /** How long a leg takes that does arrive. */
  requestMs(random: Random): number
  answerMs(random: Random): number
}

/** A leg of some tens of milliseconds, now and then of some hundreds. */
export function quick(random: Random): number {
  return 10 + random.exponential(40)
}

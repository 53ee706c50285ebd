import type { Random } from './random.js'

/** The network between a client and the server. A request and its response are lost and delayed independently. */
export interface Network {
  /** The share of requests, and of responses, that are lost. */
  loss: number
  requestMs(random: Random): number
  responseMs(random: Random): number
}

/** Returns the delay of one direction of a good network: usually tens of milliseconds, rarely hundreds. */
export function quick(random: Random): number {
  return 10 + random.exponential(40)
}

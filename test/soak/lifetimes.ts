/** In seconds. */
export interface Lifetimes {
  accessToken: number
  grace: number
  idle: number
  session: number
}

/** So short that all that lives for a time has come and gone before the second half begins, which is judged. */
export const LIFETIMES: Lifetimes = { accessToken: 12, grace: 1, idle: 40, session: 60 }

/** The longest that anything stays: an entry of the revocation feed, which is trimmed when one is added. */
const LONGEST = LIFETIMES.accessToken + 120

/** Below, memory is still filling when the second half begins. */
export const LEAST_SECONDS = 2 * LONGEST

/** In seconds. */
export interface Lifetimes {
  accessToken: number
  grace: number
  idle: number
  session: number
}

/** Short, so that everything with a lifetime has expired before the second half, which is checked for growth. */
export const LIFETIMES: Lifetimes = { accessToken: 12, grace: 1, idle: 40, session: 60 }

/** The longest lifetime: an entry of the revocation feed, which is trimmed when another is added. */
const LONGEST = LIFETIMES.accessToken + 120

/** In shorter runs memory still grows in the second half. */
export const LEAST_SECONDS = 2 * LONGEST

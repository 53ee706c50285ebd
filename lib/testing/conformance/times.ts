export const SECOND = 1000
export const HOUR = 3600 * SECOND
export const DAY = 24 * HOUR
/** The grace of these tests. */
export const W = 30 * SECOND
/** An unconfirmed generation's rest is over: the clock stands still here, and each copy is a microsecond younger. */
export const AFTER_REST = 3 * W + 1

/** No session began so late. */
export const ALL = { createdUntilMs: Number.MAX_SAFE_INTEGER }

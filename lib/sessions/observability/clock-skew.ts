import type { FastifyBaseLogger } from 'fastify'

const MAX_SKEW_MS = 60_000
/** Lower, so that a difference that varies around the limit is logged once. */
const RECOVERED_SKEW_MS = 30_000

/**
 * Returns a function that compares the store's clock with the wall clock of this process, and logs each change once. The
 * store sets the times of a token, and this process checks them. If its clock is ahead by the lifetime of a token, every
 * new token has expired.
 */
export function createClockSkewMonitor(log: FastifyBaseLogger): (storeMs: number) => void {
  let isSkewed = false

  return function compare(storeMs) {
    const differenceMs = Math.round(storeMs - Date.now())
    const limitMs = isSkewed ? RECOVERED_SKEW_MS : MAX_SKEW_MS
    if (Math.abs(differenceMs) > limitMs === isSkewed) return
    isSkewed = !isSkewed
    if (isSkewed) {
      const message =
        'clocks of the store and of this process differ; access tokens expire too early or too late'
      log.warn({ event: 'clock_skew', differenceMs }, message)
    } else {
      log.info(
        { event: 'clock_skew_recovered', differenceMs },
        'clocks of the store and of this process agree again'
      )
    }
  }
}

import { withTimeout as limit } from '../../../lib/utils/timeout.js'

const LIMIT_MS = 15_000

/** Limits the time of a call in a page, because Playwright does not. */
export function withTimeout<T>(work: Promise<T>, what: string): Promise<T> {
  return limit(work, LIMIT_MS, () => new Error(`no response within ${LIMIT_MS} ms: ${what}`))
}

import { withTimeout as within } from '../../../lib/utils/timeout.js'

const LIMIT_MS = 15_000

/** What a page is asked has no limit of its own. */
export function inTime<T>(asked: Promise<T>, what: string): Promise<T> {
  return within(asked, LIMIT_MS, () => new Error(`no answer within ${LIMIT_MS} ms: ${what}`))
}

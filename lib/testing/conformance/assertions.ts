import assert from 'node:assert/strict'

/** What is expected is there, whatever else is. */
export function isLike(actual: unknown, expected: object, message?: string): void {
  assert.deepEqual(alike(actual, expected), expected, message)
}

/** As much of a value as the other has. */
function alike(value: unknown, other: unknown): unknown {
  if (!isPlain(value) || !isPlain(other)) return value
  return Object.fromEntries(Object.keys(other).map((key) => [key, alike(value[key], other[key])]))
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

/** A database tells what is left of a lifetime by a clock that no test moves. */
export function isAbout(actual: Date | undefined, expectedMs: number): void {
  const isNear = Math.abs(Number(actual) - expectedMs) < 5 * SECOND
  assert.ok(isNear, `${actual?.toISOString()} is not about ${new Date(expectedMs).toISOString()}`)
}

export const SECOND = 1000
export const HOUR = 3600 * SECOND
export const DAY = 24 * HOUR
/** The grace of these tests. */
export const W = 30 * SECOND
/** An unconfirmed generation's rest is over: the clock stands still here, and each copy is a microsecond younger. */
export const AFTER_REST = 3 * W + 1

/** No session began so late. */
export const ALL = { createdUntilMs: Number.MAX_SAFE_INTEGER }

import assert from 'node:assert/strict'

export const SECOND = 1000
export const HOUR = 3600 * SECOND
export const DAY = 24 * HOUR
/** The grace period of these tests. */
export const GRACE = 30 * SECOND
/** The lifetime of an access token. */
export const ACCESS_TTL = 300 * SECOND
/** The end of the cooldown of an unconfirmed generation. The clock does not move, so each copy is 1 µs younger. */
export const AFTER_COOLDOWN = 3 * GRACE + 1

/** Matches every session, because none was created so late. */
export const ALL_SESSIONS = { createdUntilMs: Number.MAX_SAFE_INTEGER }

/** Asserts that an object contains the expected properties. Ignores other properties. */
export function assertContains(actual: unknown, expected: object, message?: string): void {
  assert.deepEqual(pick(actual, expected), expected, message)
}

/** Returns the properties of a value that the expected object has, recursively. */
function pick(value: unknown, expected: unknown): unknown {
  if (!isPlainObject(value) || !isPlainObject(expected)) return value
  return Object.fromEntries(Object.keys(expected).map((key) => [key, pick(value[key], expected[key])]))
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

/** Asserts a date with a tolerance, because a database may count the rest of a lifetime by its own clock. */
export function assertAbout(actual: Date | undefined, expectedMs: number): void {
  const isNear = Math.abs(Number(actual) - expectedMs) < 5 * SECOND
  assert.ok(isNear, `${actual?.toISOString()} is not about ${new Date(expectedMs).toISOString()}`)
}

import { errors } from '../errors.js'
import { isObject } from './checks.js'

// The application's callbacks are checked at run time, because JavaScript has no types and a wrong result would otherwise
// count as a decision: a forgotten `return` of `refreshToken.allowReplay` would log the user out. Results that describe a
// user are checked in lib/sessions/identity.ts.

/**
 * Returns the result of a callback that decides.
 * @param callback the name of the callback in the error, such as `option "refreshToken.allowReplay"`
 * @throws {FRT_ERR_INVALID_CALLBACK_RESULT} if it is not `true` or `false`
 */
export function booleanResult(result: unknown, callback: string): boolean {
  return typeof result === 'boolean' ? result : invalidResult(result, callback, 'true or false')
}

/** Returns the result of a callback that permits something. Only `true` permits it, and a falsy value does not. */
export function permissionResult(result: unknown, callback: string): boolean {
  return result ? booleanResult(result, callback) : false
}

/** Returns the result of a callback that reads text. `null` and `undefined` mean that there is none. */
export function textResult(result: unknown, callback: string): string | null {
  if (result === undefined || result === null) return null
  return typeof result === 'string' ? result : invalidResult(result, callback, 'a string, null or undefined')
}

/** Returns the result of a callback that returns a number of things. */
export function countResult(result: unknown, callback: string): number {
  return Number.isSafeInteger(result) && (result as number) >= 1
    ? (result as number)
    : invalidResult(result, callback, 'a whole number of at least 1')
}

/** Returns the result of a callback that selects one of several names. */
export function nameResult<T extends string>(result: unknown, names: readonly T[], callback: string): T {
  const expected = names.map((name) => `'${name}'`).join(' or ')
  return names.find((name) => name === result) ?? invalidResult(result, callback, expected)
}

/** Returns the result of a callback that returns one or several addresses. */
export function addressesResult(result: unknown, callback: string): string[] {
  const addresses = [result].flat()
  const isText = (address: unknown): address is string => typeof address === 'string'
  return addresses.every(isText)
    ? addresses
    : invalidResult(result, callback, 'a string or an array of strings')
}

/** The details are in the `cause`, for the log only. The client gets a generic message. */
function invalidResult(result: unknown, callback: string, expected: string): never {
  ignoreRejection(result)
  const cause = new Error(`${callback} must return ${expected}, but returned ${kindOf(result)}`)
  throw new errors.InvalidCallbackResult({ cause })
}

/** Handles a promise that is not awaited. Its rejection would otherwise end the process. */
export function ignoreRejection(result: unknown): void {
  if (isThenable(result)) void Promise.resolve(result).catch(() => {})
}

function isThenable(value: unknown): boolean {
  return isObject(value) && typeof value.then === 'function'
}

/** Returns the kind of a value for an error message. Never the value itself, because it may be a token. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value !== 'object') return `a ${typeof value}`
  return isThenable(value) ? 'a promise' : 'an object'
}

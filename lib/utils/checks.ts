import { errors } from '../errors.js'
import { toMs } from './duration.js'
import { nearest } from './nearest.js'

/** Checks one option and returns its resolved value. Throws `FRT_ERR_INVALID_OPTION` if the value is invalid. */
export type Check<T> = (value: unknown, path: string) => T

/** The resolved values of a table of checks. */
export type Checked<S> = { [K in keyof S]: S[K] extends Check<infer T> ? T : never }

/** @throws {FRT_ERR_INVALID_OPTION} with a message that says what is wrong and what would be right */
export function invalidOption(message: string): never {
  throw new errors.InvalidOption(message)
}

/** @throws {FRT_ERR_INVALID_OPTION} `option "<path>" must be <expected>` */
export function mustBe(path: string, expected: string): never {
  invalidOption(`option "${path}" must be ${expected}`)
}

export function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value, path) => (value === undefined ? undefined : check(value, path))
}

export function withDefault<T>(check: Check<T>, defaultValue: unknown): Check<T> {
  return (value, path) => check(value === undefined ? defaultValue : value, path)
}

/**
 * Checks an object that may have only these keys. Returns a frozen object. A missing key is checked as `undefined`.
 * @param checks an empty `path` stands for the whole options object
 */
export function object<T>(checks: { [K in keyof T]: Check<T[K]> }): Check<T> {
  const names = Object.keys(checks) as (keyof T & string)[]
  return (value, path) => {
    if (!isObject(value))
      return path === '' ? invalidOption('options must be an object') : mustBe(path, 'an object')
    const pathOf = (name: string) => (path === '' ? name : `${path}.${name}`)
    for (const name of Object.keys(value)) {
      if (!Object.hasOwn(checks, name)) unknownOption(name, names, pathOf)
    }
    const resolved = {} as T
    for (const name of names) resolved[name] = checks[name](value[name], pathOf(name))
    return Object.freeze(resolved)
  }
}

function unknownOption(name: string, names: string[], pathOf: (name: string) => string): never {
  const suggestion = nearest(name, names)
  invalidOption(
    suggestion
      ? `unknown option "${pathOf(name)}", did you mean "${pathOf(suggestion)}"?`
      : `unknown option "${pathOf(name)}", the options are: ${names.map(pathOf).join(', ')}`
  )
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Checks a duration and returns whole milliseconds. */
export function duration({ min = 1, max = Number.MAX_SAFE_INTEGER } = {}): Check<number> {
  return (value, path) => {
    const ms = toMs(value)
    if (ms === undefined) mustBe(path, "a duration: a number of seconds, or a string such as '15m'")
    if (ms < min) mustBe(path, `at least ${inWords(min)}`)
    if (ms > max) mustBe(path, `at most ${inWords(max)}`)
    return ms
  }
}

const DAY_MS = 86_400_000

function inWords(ms: number): string {
  if (ms === 1000) return '1 second'
  if (ms > DAY_MS && ms % DAY_MS === 0) return `${ms / DAY_MS} days`
  return ms % 1000 === 0 ? `${ms / 1000} seconds` : `${ms} ms`
}

export const boolean: Check<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : mustBe(path, 'true or false')

export function fn<F extends (...args: never[]) => unknown>(): Check<F> {
  return (value, path) => (typeof value === 'function' ? (value as F) : mustBe(path, 'a function'))
}

export const text: Check<string> = (value, path) =>
  typeof value === 'string' && value !== '' ? value : mustBe(path, 'a non-empty string')

export function matching(pattern: RegExp, expected: string): Check<string> {
  return (value, path) => (typeof value === 'string' && pattern.test(value) ? value : mustBe(path, expected))
}

export function oneOf<const T extends string>(...values: T[]): Check<T> {
  return (value, path) =>
    values.find((each) => each === value) ?? mustBe(path, values.map((each) => `'${each}'`).join(' or '))
}

export function listOf<T>(check: Check<T>): Check<readonly T[]> {
  return (value, path) =>
    Array.isArray(value) ? value.map((each, i) => check(each, `${path}[${i}]`)) : mustBe(path, 'an array')
}

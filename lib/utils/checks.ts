import { parse } from '@lukeed/ms'
import { errors } from '../errors.js'

/**
 * Reads one option: gives its resolved value, or throws `FRT_ERR_INVALID_OPTION` with its path and what
 * would be right.
 */
export type Check<T> = (value: unknown, path: string) => T

/** What a table of checks gives. */
export type Checked<S> = { [K in keyof S]: S[K] extends Check<infer T> ? T : never }

export function refuse(path: string, right: string): never {
  throw new errors.InvalidOption(path, right)
}

export function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value, path) => (value === undefined ? undefined : check(value, path))
}

export function withDefault<T>(check: Check<T>, value: unknown): Check<T> {
  return (given, path) => check(given === undefined ? value : given, path)
}

/** An object with no other keys than these, frozen. What is left out is checked as `undefined`. */
export function object<T>(checks: { [K in keyof T]: Check<T[K]> }): Check<T> {
  return (value, path) => {
    if (!isObject(value)) refuse(path, 'an object')
    const nameOf = (key: string) => (path === 'options' ? key : `${path}.${key}`)
    for (const key of Object.keys(value)) {
      if (!Object.hasOwn(checks, key)) {
        refuse(nameOf(key), `left out: the options here are ${Object.keys(checks).join(', ')}`)
      }
    }
    const resolved = {} as T
    for (const key of Object.keys(checks) as (keyof T & string)[]) {
      resolved[key] = checks[key](value[key], nameOf(key))
    }
    return Object.freeze(resolved)
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A duration in whole milliseconds: a number of seconds, or a string that `@lukeed/ms` reads. */
export function duration({ min = 1, max = Number.MAX_SAFE_INTEGER } = {}): Check<number> {
  return (value, path) => {
    const ms = toMs(value)
    if (ms === undefined || !(ms >= min && ms <= max)) {
      refuse(path, "a duration: a number of seconds, or a string such as '15m'; not negative, not too long")
    }
    return ms
  }
}

/** Whole milliseconds, or undefined for what is no duration. */
export function toMs(value: unknown): number | undefined {
  const ms = typeof value === 'number' ? value * 1000 : parseDuration(value)
  return ms === undefined || ms < 0 ? undefined : Math.round(ms)
}

function parseDuration(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined
  // The parser gives nothing for zero, as for what it cannot read: its unit tells which.
  const zero = /^0+(?:\.0+)? *([a-z]*)$/i.exec(value)
  if (zero) return parse(`1${zero[1]}`) === undefined ? undefined : 0
  return parse(value)
}

export const boolean: Check<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : refuse(path, 'true or false')

export function fn<F extends (...args: never[]) => unknown>(): Check<F> {
  return (value, path) => (typeof value === 'function' ? (value as F) : refuse(path, 'a function'))
}

export const text: Check<string> = (value, path) =>
  typeof value === 'string' && value !== '' ? value : refuse(path, 'a string that is not empty')

export function matching(pattern: RegExp, right: string): Check<string> {
  return (value, path) => (typeof value === 'string' && pattern.test(value) ? value : refuse(path, right))
}

export function oneOf<const T extends string>(...values: T[]): Check<T> {
  return (value, path) =>
    values.find((each) => each === value) ?? refuse(path, values.map((each) => `'${each}'`).join(' or '))
}

export function listOf<T>(check: Check<T>): Check<readonly T[]> {
  return (value, path) =>
    Array.isArray(value) ? value.map((each, i) => check(each, `${path}[${i}]`)) : refuse(path, 'an array')
}

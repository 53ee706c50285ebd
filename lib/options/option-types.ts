import { types } from 'node:util'
import type { FastifyRequest } from 'fastify'
import type { BindingMode, BindingOptions } from '../../types/binding.js'
import type { RouteOverrides, SessionOptions } from '../../types/options.js'
import type { RedisClient } from '../../types/redis-client.js'
import type { Session } from '../../types/session.js'
import type { SessionStore } from '../../types/session-store.js'
import type { Transport } from '../../types/transport.js'
import {
  type Check,
  duration,
  invalidOption,
  isObject,
  listOf,
  matching,
  mustBe,
  oneOf,
  text
} from '../utils/checks.js'

/** A token as defined in RFC 9110, section 5.6.2: the name of a header or a cookie. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

const STORE_METHODS = [
  'create',
  'rotate',
  'confirm',
  'update',
  'get',
  'has',
  'now',
  'list',
  'revoke',
  'revokeAll'
]

/** The function among the values of an option. */
export type FunctionOf<T> = Extract<T, (...args: never[]) => unknown>

const secret: Check<Buffer> = (value, path) => {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  if (!types.isUint8Array(bytes) || bytes.length < 32) {
    mustBe(path, 'a string, a Buffer or a Uint8Array of at least 32 bytes, or an array of them')
  }
  return Buffer.from(bytes)
}

export const secrets: Check<readonly [Buffer, ...Buffer[]]> = (value, path) => {
  const list = Array.isArray(value) ? listOf(secret)(value, path) : [secret(value, path)]
  const [first, ...rest] = list
  const distinct = new Set(list.map((each) => each.toString('hex')))
  if (!first || distinct.size < list.length) mustBe(path, 'one secret, or several different ones')
  return Object.freeze([first, ...rest] as const)
}

export const redis: Check<RedisClient> = (value, path) =>
  hasMethods(value, ['evalsha', 'eval', 'evalshaBuffer', 'evalBuffer', 'duplicate'])
    ? (value as unknown as RedisClient)
    : mustBe(path, 'a Redis or Cluster instance of ioredis, with the methods evalshaBuffer and evalBuffer')

export const store: Check<SessionStore> = (value, path) =>
  hasMethods(value, STORE_METHODS)
    ? (value as unknown as SessionStore)
    : mustBe(path, `a SessionStore with the methods ${STORE_METHODS.join(', ')}`)

function hasMethods(value: unknown, methods: string[]): boolean {
  return isObject(value) && methods.every((method) => typeof value[method] === 'function')
}

export function count({ min = 1 } = {}): Check<number> {
  return (value, path) =>
    Number.isSafeInteger(value) && (value as number) >= min
      ? (value as number)
      : mustBe(path, `a whole number of at least ${min}`)
}

/** The values of the option `session.onLimit`. */
export const ON_LIMIT = ['evict-oldest', 'reject'] as const

export const onLimit: Check<NonNullable<SessionOptions['onLimit']>> = (value, path) =>
  typeof value === 'function'
    ? (value as FunctionOf<SessionOptions['onLimit']>)
    : oneOf(...ON_LIMIT)(value, path)

export const maxPerUser: Check<NonNullable<SessionOptions['maxPerUser']>> = (value, path) =>
  typeof value === 'function' ? (value as FunctionOf<SessionOptions['maxPerUser']>) : count()(value, path)

export const transport: Check<Transport | ((request: FastifyRequest) => Transport)> = (value, path) =>
  typeof value === 'function'
    ? (value as (request: FastifyRequest) => Transport)
    : oneOf('cookie', 'body', 'header')(value, path)

export const bindingMode: Check<NonNullable<BindingOptions['mode']>> = (value, path) =>
  typeof value === 'function'
    ? (value as (request: FastifyRequest | null) => BindingMode)
    : oneOf('off', 'optional', 'required')(value, path)

export const route: Check<RouteOverrides | false> = (value, path) => {
  if (value === false) return false
  if (value === true) return {}
  if (!isObject(value)) mustBe(path, 'true, false, or an object of route options')
  for (const name of ['method', 'url', 'handler']) {
    if (name in value) invalidOption(`option "${path}.${name}" is not allowed, because the plugin sets it`)
  }
  return value
}

export const clientId: Check<string | ((session: Session) => string)> = (value, path) =>
  typeof value === 'function' ? (value as (session: Session) => string) : text(value, path)

export const serverMetadata: Check<Readonly<Record<string, unknown>>> = (value, path) => {
  if (!isObject(value) || !isSerializable(value)) mustBe(path, 'an object that JSON can contain')
  if ('issuer' in value)
    invalidOption(`option "${path}.issuer" is not allowed, because accessToken.issuer sets it`)
  return Object.freeze({ ...value })
}

function isSerializable(value: object): boolean {
  try {
    return JSON.stringify(value) !== undefined
  } catch {
    return false
  }
}

/** One or more values of the claim `aud` (RFC 7519, section 4.1.3). */
export const audience: Check<string | readonly string[]> = (value, path) => {
  if (!Array.isArray(value)) return text(value, path)
  const list = listOf(text)(value, path)
  const isValid = list.length > 0 && new Set(list).size === list.length
  return isValid ? Object.freeze(list) : mustBe(path, 'one or more different strings')
}

/** RFC 7519, section 4.1.4: "usually no more than a few minutes". */
export const clockTolerance: Check<number> = duration({ min: 0, max: 10 * 60_000 })

export const headerName: Check<string> = (value, path) =>
  matching(NAME, 'a header name')(value, path).toLowerCase()

export const cookieName: Check<string> = matching(NAME, 'a cookie name')

/** Without a semicolon, which ends the attribute, and without `<`, which the serializer rejects. */
export const cookiePath: Check<string> = matching(/^\/[!-:=-~]*$/, "a path that starts with '/'")

/** Labels of 1 to 63 letters, digits and hyphens (RFC 1123, section 2.1). Browsers ignore a dot in front. */
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'

export const cookieDomain: Check<string> = matching(
  new RegExp(`^\\.?${LABEL}(?:\\.${LABEL})*$`, 'i'),
  "a domain such as 'example.com', without a dot at its end"
)

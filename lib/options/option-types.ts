import type { FastifyRequest } from 'fastify'
import type { RouteOverrides, Transport } from '../../types/options.js'
import type { RedisClient } from '../../types/redis-client.js'
import type { SessionStore } from '../../types/session-store.js'
import { type Check, isObject, listOf, matching, oneOf, refuse } from '../utils/checks.js'

/** RFC 9110 section 5.6.2: a token, as the names of headers and cookies are. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

const STORE_METHODS = ['create', 'rotate', 'confirm', 'get', 'has', 'now', 'list', 'revoke', 'revokeAll']

const secret: Check<Buffer> = (value, path) => {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  if (!Buffer.isBuffer(bytes) || bytes.length < 32) {
    refuse(path, 'a string or a Buffer of at least 32 bytes, or an array of such')
  }
  return Buffer.from(bytes)
}

export const secrets: Check<readonly [Buffer, ...Buffer[]]> = (value, path) => {
  const list = Array.isArray(value) ? listOf(secret)(value, path) : [secret(value, path)]
  const [first, ...rest] = list
  const distinct = new Set(list.map((each) => each.toString('hex')))
  if (!first || distinct.size < list.length) refuse(path, 'one secret, or several that differ')
  return Object.freeze([first, ...rest] as const)
}

export const redis: Check<RedisClient> = (value, path) =>
  hasMethods(value, ['evalsha', 'eval', 'duplicate'])
    ? (value as unknown as RedisClient)
    : refuse(path, 'an ioredis Redis or Cluster')

export const store: Check<SessionStore> = (value, path) =>
  hasMethods(value, STORE_METHODS)
    ? (value as unknown as SessionStore)
    : refuse(path, `a SessionStore with ${STORE_METHODS.join(', ')}`)

function hasMethods(value: unknown, methods: string[]): boolean {
  return isObject(value) && methods.every((method) => typeof value[method] === 'function')
}

export function count({ min = 1 } = {}): Check<number> {
  return (value, path) =>
    Number.isSafeInteger(value) && (value as number) >= min
      ? (value as number)
      : refuse(path, `a whole number of at least ${min}`)
}

export const transport: Check<Transport | ((request: FastifyRequest) => Transport)> = (value, path) =>
  typeof value === 'function'
    ? (value as (request: FastifyRequest) => Transport)
    : oneOf('cookie', 'body', 'header')(value, path)

export const route: Check<RouteOverrides | false> = (value, path) => {
  if (value === false) return false
  if (value === true) return {}
  if (!isObject(value)) refuse(path, 'true, false, or an object of route options')
  for (const name of ['method', 'url', 'handler']) {
    if (name in value) refuse(`${path}.${name}`, 'left out: it is what makes the route')
  }
  return value
}

export const origin: Check<string> = (value, path) => {
  const isOrigin = typeof value === 'string' && URL.canParse(value) && new URL(value).origin === value
  // A wildcard parses as a host, which no browser would ever name.
  if (!isOrigin || value.includes('*')) {
    refuse(path, "an origin, such as 'https://app.example.com', without wildcards")
  }
  return value
}

export const headerName: Check<string> = (value, path) =>
  matching(NAME, 'the name of a header')(value, path).toLowerCase()

export const cookieName: Check<string> = matching(NAME, 'the name of a cookie')

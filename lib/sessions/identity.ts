import type { SessionUpdate } from '../../types/fastify.js'
import type { Authentication, Claims, Duration, Identity, Metadata } from '../../types/session.js'
import { errors } from '../errors.js'
import { RESERVED_CLAIMS } from '../tokens/access-token.js'
import { isAcr, isAmr } from '../tokens/authentication.js'
import { isThumbprint, type Thumbprint } from '../tokens/session-id.js'
import { ignoreRejection, kindOf } from '../utils/callback-results.js'
import { isObject } from '../utils/checks.js'
import { toMs } from '../utils/duration.js'
import { nearest } from '../utils/nearest.js'

const MAX_SUB_BYTES = 256
const MAX_CLAIMS_BYTES = 4096
const MAX_METADATA_BYTES = 1024
const PROPERTIES = ['sub', 'claims', 'remember', 'ttl', 'idleTtl', 'acr', 'amr', 'jkt', 'metadata']

const MAX_NAME_LENGTH = 64

/** A valid identity of plain JSON values. */
export interface ResolvedIdentity {
  sub: string
  claims: Claims
  remember: boolean
  /** `undefined` uses the option `session.ttl`. */
  ttlMs: number | undefined
  /** `undefined` uses the option `refreshToken.ttl`. */
  idleTtlMs: number | undefined
  authentication: Authentication
  /** `null` binds the session only if the login has a proof. */
  jkt: Thumbprint | null
  metadata: Metadata
}

/**
 * Checks an identity and fills in the defaults.
 * @throws {FRT_ERR_INVALID_IDENTITY} with a `cause` that names the path and says what would be right
 */
export function resolveIdentity(input: Identity): ResolvedIdentity {
  if (!isObject(input)) invalidIdentity('identity must be an object')
  for (const key of Object.keys(input)) {
    if (!PROPERTIES.includes(key)) unknownProperty(key)
  }
  const { sub, claims = {}, remember = true, ttl, idleTtl, acr, amr, jkt, metadata = {} } = input as Identity
  if (typeof remember !== 'boolean') invalidIdentity('identity.remember must be true or false')
  if (jkt !== undefined && !isThumbprint(jkt)) {
    invalidIdentity('identity.jkt must be a SHA-256 thumbprint: 43 characters of canonical base64url')
  }
  return {
    sub: resolveSub(sub, 'identity.sub'),
    claims: resolveClaims(claims, 'identity.claims'),
    remember,
    ttlMs: resolveTtl(ttl, 'identity.ttl'),
    idleTtlMs: resolveTtl(idleTtl, 'identity.idleTtl'),
    authentication: resolveAuthentication({ acr, amr }, 'identity'),
    jkt: jkt ?? null,
    metadata: resolveMetadata(metadata, 'identity.metadata')
  }
}

function resolveTtl(ttl: Duration | undefined, path: string): number | undefined {
  if (ttl === undefined) return undefined
  const ttlMs = toMs(ttl)
  return ttlMs !== undefined && ttlMs >= 1000
    ? ttlMs
    : invalidIdentity(`${path} must be a duration of at least 1 second`)
}

/**
 * Checks how a user authenticated.
 * @throws {FRT_ERR_INVALID_IDENTITY} if the class or a method is invalid
 */
export function resolveAuthentication(input: Authentication, path: string): Authentication {
  if (!isObject(input)) invalidIdentity(`${path} must be an object`)
  const other = Object.keys(input).find((name) => name !== 'acr' && name !== 'amr')
  if (other !== undefined)
    invalidIdentity(`unknown property "${path}.${other}", the properties are: acr, amr`)
  const { acr, amr } = input as Authentication
  if (acr !== undefined && !isAcr(acr)) {
    invalidIdentity(
      `${path}.acr must be 1 to 64 printable ASCII characters without spaces, quotes and backslashes`
    )
  }
  if (amr !== undefined && !isAmr(amr)) {
    invalidIdentity(`${path}.amr must be an array of at most 8 methods, such as 'otp', of 1 to 32 characters`)
  }
  return { acr, amr: amr && [...amr] }
}

/**
 * Checks a change by `app.sessions.update`.
 * @throws {FRT_ERR_INVALID_IDENTITY} if the claims or the name are invalid, or if there is neither
 */
export function resolveUpdate(input: SessionUpdate): SessionUpdate {
  if (!isObject(input)) invalidIdentity('change must be an object')
  const other = Object.keys(input).find((name) => name !== 'claims' && name !== 'name')
  if (other !== undefined)
    invalidIdentity(`unknown property "change.${other}", the properties are: claims, name`)
  const { claims, name } = input as SessionUpdate
  if (claims === undefined && name === undefined) invalidIdentity('change must have claims or a name')
  if (name !== undefined && name !== null && !isDeviceName(name)) {
    invalidIdentity(
      `change.name must be null, or 1 to ${MAX_NAME_LENGTH} characters without control characters`
    )
  }
  return { claims: claims === undefined ? undefined : resolveClaims(claims, 'change.claims'), name }
}

/** Control characters, and those that change the direction of text around the name. */
const CONTROL = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u

/** Returns whether a name has 1 to 64 characters. Long text is not counted, because a client sends it. */
export function isDeviceName(name: unknown): name is string {
  if (typeof name !== 'string' || !name.isWellFormed() || CONTROL.test(name)) return false
  const { length } = [...name.slice(0, 2 * MAX_NAME_LENGTH + 1)]
  return length >= 1 && length <= MAX_NAME_LENGTH
}

/**
 * Returns the subject as a string. An integer becomes its decimal digits, because SQL databases use integers as ids.
 * @throws {FRT_ERR_INVALID_IDENTITY} if the value is neither an integer nor a string of 1 to 256 bytes of well-formed Unicode
 */
export function resolveSub(sub: unknown, path: string): string {
  const text = isInteger(sub) ? String(sub) : sub
  if (typeof text !== 'string' || text === '' || Buffer.byteLength(text) > MAX_SUB_BYTES) {
    invalidIdentity(
      `${path} must be a string of 1 to ${MAX_SUB_BYTES} bytes, a safe integer or a bigint, but is ${subKindOf(text)}`
    )
  }
  return text.isWellFormed() ? text : invalidIdentity(`${path} must be well-formed Unicode`)
}

/** An integer that is not safe may be rounded, and would then be the id of another user. */
function isInteger(value: unknown): boolean {
  return typeof value === 'bigint' || Number.isSafeInteger(value)
}

/** Describes an invalid subject without the subject itself, which can be personal data. */
function subKindOf(sub: unknown): string {
  if (typeof sub === 'string') return `a string of ${Buffer.byteLength(sub)} bytes`
  return typeof sub === 'number' ? 'a number that is not a safe integer' : kindOf(sub)
}

/**
 * Returns the claims in a result of `session.load`, or `undefined` if it has none. Rejects everything else, because a
 * database row without `claims` would otherwise leave the claims of the login in the new token.
 *
 * @throws {FRT_ERR_INVALID_IDENTITY} if the result is not an object whose only property is `claims`
 */
export function resolveLoaded(loaded: unknown): Claims | undefined {
  if (!isObject(loaded) || !(isPlain(loaded) || 'claims' in loaded)) {
    invalidIdentity(
      `session.load() must return an object with claims, or null, but returned ${kindOf(loaded)}`
    )
  }
  const other = Object.keys(loaded).find((name) => name !== 'claims')
  if (other !== undefined) {
    invalidIdentity(`unknown property "session.load().${other}", the only property is claims`)
  }
  return loaded.claims === undefined
    ? undefined
    : resolveClaims(loaded.claims as Claims, 'session.load().claims')
}

/** A map, a date or another instance has no properties that could show a mistake. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

export function resolveClaims(claims: Claims, path: string): Claims {
  const plain = toPlain(claims, MAX_CLAIMS_BYTES, path)
  for (const name of RESERVED_CLAIMS) {
    if (Object.hasOwn(plain, name)) {
      invalidIdentity(`${path}.${name} is not allowed, because the plugin sets this claim`)
    }
  }
  return plain
}

export function resolveMetadata(metadata: Metadata, path: string): Metadata {
  return toPlain(metadata, MAX_METADATA_BYTES, path)
}

/** Returns the object as JSON preserves it, because every store and every token contains JSON. */
function toPlain(value: unknown, maxBytes: number, path: string): Record<string, unknown> {
  ignoreRejection(value)
  if (value instanceof Promise) invalidIdentity(`${path} must be an object, not a promise`)
  if (!isObject(value)) invalidIdentity(`${path} must be an object`)
  const json = toJson(value, path)
  if (json === undefined) invalidIdentity(`${path} must be an object`)
  if (Buffer.byteLength(json) > maxBytes) {
    invalidIdentity(`${path} must be an object of at most ${maxBytes} bytes of JSON`)
  }
  const plain: unknown = JSON.parse(json)
  if (!isObject(plain)) invalidIdentity(`${path} must be an object`)
  // Copying this member could set a prototype, and thereby add reserved names.
  if (Object.hasOwn(plain, '__proto__')) invalidIdentity(`${path}.__proto__ is not allowed`)
  return plain
}

function toJson(value: object, path: string): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (error) {
    invalidIdentity(`${path} ${reasonOf(error)}`)
  }
}

/** Recognizes the errors of `JSON.stringify`. Another one is from a method `toJSON` of the application. */
function reasonOf(error: unknown): string {
  if (error instanceof RangeError) return 'is nested too deeply for JSON'
  const text = String(error)
  if (text.includes('BigInt')) return 'must not contain a bigint, because JSON has none. Use a string'
  if (text.includes('circular')) return 'must not contain a circular reference'
  return 'cannot be serialized as JSON, because a toJSON method failed'
}

function unknownProperty(key: string): never {
  const suggestion = nearest(key, PROPERTIES)
  invalidIdentity(
    suggestion
      ? `unknown property "identity.${key}", did you mean "identity.${suggestion}"?`
      : `unknown property "identity.${key}", the properties are: ${PROPERTIES.join(', ')}`
  )
}

/** The details are in the `cause`, for the log only. The client gets a generic message. */
function invalidIdentity(details: string): never {
  throw new errors.InvalidIdentity({ cause: new Error(details) })
}

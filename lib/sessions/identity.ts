import type { Claims, Identity, Metadata } from '../../types/session.js'
import { errors } from '../errors.js'
import { RESERVED_CLAIMS } from '../tokens/access-token.js'
import { isObject, toMs } from '../utils/checks.js'

const MAX_SUB_BYTES = 256
const MAX_CLAIMS_BYTES = 4096
const MAX_METADATA_BYTES = 1024
const KNOWN = ['sub', 'claims', 'remember', 'ttl', 'metadata']

/** An identity whose every part was checked, as plain JSON values. */
export interface ResolvedIdentity {
  sub: string
  claims: Claims
  remember: boolean
  /** Undefined: as long as the options say. */
  ttlMs: number | undefined
  metadata: Metadata
}

/** @throws `FRT_ERR_INVALID_IDENTITY`, whose cause names the path and what would be right */
export function resolveIdentity(given: Identity): ResolvedIdentity {
  if (!isObject(given)) refuse('identity', 'an object')
  for (const key of Object.keys(given)) {
    if (!KNOWN.includes(key)) refuse(`identity.${key}`, `left out: an identity has ${KNOWN.join(', ')}`)
  }
  const { sub, claims = {}, remember = true, ttl, metadata = {} } = given as Identity
  if (typeof remember !== 'boolean') refuse('identity.remember', 'true or false')
  const ttlMs = ttl === undefined ? undefined : toMs(ttl)
  if (ttl !== undefined && !(ttlMs !== undefined && ttlMs >= 1000)) {
    refuse('identity.ttl', 'a duration of at least a second')
  }
  return {
    sub: resolveSub(sub, 'identity.sub'),
    claims: resolveClaims(claims, 'identity.claims'),
    remember,
    ttlMs,
    metadata: resolveMetadata(metadata, 'identity.metadata')
  }
}

export function resolveSub(sub: unknown, path: string): string {
  if (typeof sub !== 'string' || sub === '' || Buffer.byteLength(sub) > MAX_SUB_BYTES) {
    refuse(path, `a string of 1 to ${MAX_SUB_BYTES} bytes`)
  }
  return sub.isWellFormed() ? sub : refuse(path, 'well-formed Unicode')
}

export function resolveClaims(claims: Claims, path: string): Claims {
  const plain = toPlain(claims, MAX_CLAIMS_BYTES, path)
  for (const name of RESERVED_CLAIMS) {
    if (Object.hasOwn(plain, name)) refuse(`${path}.${name}`, 'left out: it is reserved')
  }
  return plain
}

export function resolveMetadata(metadata: Metadata, path: string): Metadata {
  return toPlain(metadata, MAX_METADATA_BYTES, path)
}

/** What JSON makes of an object is what every store and every token gives back. */
function toPlain(value: unknown, maxBytes: number, path: string): Record<string, unknown> {
  if (!isObject(value) || value instanceof Promise) refuse(path, 'an object, and no promise of one')
  const json = toJson(value)
  if (json === undefined || Buffer.byteLength(json) > maxBytes) {
    refuse(path, `an object of at most ${maxBytes} bytes of JSON`)
  }
  const plain: unknown = JSON.parse(json)
  if (!isObject(plain)) refuse(path, 'an object')
  // It would be the prototype of whatever its members are copied into, and bring reserved names along.
  if (Object.hasOwn(plain, '__proto__')) refuse(`${path}.__proto__`, 'left out')
  return plain
}

function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

/** What the application did wrong is for its log, and none of a client's business. */
function refuse(path: string, right: string): never {
  throw new errors.InvalidIdentity({ cause: new Error(`${path} must be ${right}`) })
}

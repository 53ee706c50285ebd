import { audience, clockTolerance, count, headerName } from '../options/option-types.js'
import type { KeyAlgorithm, KeyPairs } from '../tokens/keys/access-token-keys.js'
import { publicKeys } from '../tokens/keys/key-pairs.js'
import { key } from '../tokens/keys/parse-key.js'
import {
  type Check,
  type Checked,
  invalidOption,
  listOf,
  mustBe,
  object,
  oneOf,
  optional,
  text,
  withDefault
} from '../utils/checks.js'
import { isSecure } from '../utils/loopback.js'

const algorithm = oneOf('EdDSA', 'ES256', 'RS256')

const algorithms: Check<readonly KeyAlgorithm[]> = (value, path) => {
  const list = Array.isArray(value) ? listOf(algorithm)(value, path) : [algorithm(value, path)]
  return list.length > 0 ? Object.freeze(list) : mustBe(path, 'one or more algorithms')
}

/** An attacker who can change the response of the endpoint can issue valid tokens, so it must use HTTPS. */
const jwksUri: Check<string> = (value, path) => {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  if (!url || !isSecure(url) || url.username !== '' || url.password !== '') {
    mustBe(path, 'an https:// URL without credentials. http:// is allowed for loopback addresses')
  }
  return url.href
}

/** Without this check, the resource server would accept tokens that the same keys signed for another audience. */
function requiredClaim<T>(claim: string, check: Check<T>): Check<T> {
  return (value, path) =>
    value === undefined
      ? invalidOption(
          `option "${path}" is required: a resource server must check the claim ${claim} (RFC 9068, section 4)`
        )
      : check(value, path)
}

const optionsSchema = {
  keys: optional(listOf(key)),
  jwksUri: optional(jwksUri),
  algorithm: withDefault(algorithms, 'EdDSA'),
  issuer: requiredClaim('iss', text),
  audience: requiredClaim('aud', audience),
  clockTolerance: withDefault(clockTolerance, 0),
  header: withDefault(headerName, 'authorization'),
  cache: withDefault(count({ min: 0 }), 10_000)
}

type Options = Checked<typeof optionsSchema>

/**
 * Checks the options of a resource server and returns them frozen, with defaults.
 * @throws {FRT_ERR_INVALID_OPTION} with a message that names the option and says what would be right
 */
export function resolveResourceServerOptions(input: unknown) {
  const { keys, jwksUri, algorithm, clockTolerance, ...others } = object<Options>(optionsSchema)(input, '')
  const source = sourceOf(keys, jwksUri, algorithm)
  return Object.freeze({ ...others, algorithms: algorithm, clockToleranceMs: clockTolerance, source })
}

/** Returns the keys, or the address of their JWKS. */
function sourceOf(
  keys: Options['keys'],
  jwksUri: Options['jwksUri'],
  algorithms: Options['algorithm']
): KeyPairs | string {
  if (keys && jwksUri === undefined) return publicKeys(keys, algorithms, 'keys')
  if (jwksUri !== undefined && !keys) return jwksUri
  invalidOption('exactly one of the options "keys" and "jwksUri" is required')
}

import { count, headerName } from '../options/option-types.js'
import type { KeyAlgorithm, KeyPairs } from '../tokens/keys/access-token-keys.js'
import { publicKeys } from '../tokens/keys/key-pairs.js'
import { key } from '../tokens/keys/parse-key.js'
import {
  type Check,
  type Checked,
  listOf,
  object,
  oneOf,
  optional,
  refuse,
  text,
  withDefault
} from '../utils/checks.js'
import { isLoopback } from '../utils/loopback.js'

const algorithm = oneOf('EdDSA', 'ES256', 'RS256')

const algorithms: Check<readonly KeyAlgorithm[]> = (value, path) => {
  const list = Array.isArray(value) ? listOf(algorithm)(value, path) : [algorithm(value, path)]
  return list.length > 0 ? Object.freeze(list) : refuse(path, 'an algorithm, or several')
}

/** Whoever speaks for the endpoint says whose tokens are good: nobody may on the way. */
const jwksUri: Check<string> = (value, path) => {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url))
  if (!url || !isSafe || url.username !== '' || url.password !== '') {
    refuse(path, 'an address that starts with https:// (on loopback http:// will do), without credentials')
  }
  return url.href
}

/** Without it, a token that the same keys signed for somebody else would be good here. */
function requiredClaim(name: string): Check<string> {
  return (value, path) =>
    value === undefined
      ? refuse(
          path,
          `given: the ${name} of the tokens, which a resource server must check (RFC 9068 section 4)`
        )
      : text(value, path)
}

const shape = {
  keys: optional(listOf(key)),
  jwksUri: optional(jwksUri),
  algorithm: withDefault(algorithms, 'EdDSA'),
  issuer: requiredClaim('iss'),
  audience: requiredClaim('aud'),
  header: withDefault(headerName, 'authorization'),
  cache: withDefault(count({ min: 0 }), 10_000)
}

type Options = Checked<typeof shape>

/**
 * Checks the options of a resource server, and freezes them.
 * @throws `FRT_ERR_INVALID_OPTION`, which names the path and what would be right
 */
export function resolveResourceServerOptions(given: unknown) {
  const { keys, jwksUri, algorithm, ...others } = object<Options>(shape)(given, 'options')
  return Object.freeze({ ...others, algorithms: algorithm, source: sourceOf(keys, jwksUri, algorithm) })
}

/** The keys, or whom to ask for them. */
function sourceOf(
  keys: Options['keys'],
  jwksUri: Options['jwksUri'],
  algorithms: Options['algorithm']
): KeyPairs | string {
  if (keys && jwksUri === undefined) return publicKeys(keys, algorithms, 'keys')
  if (jwksUri !== undefined && !keys) return jwksUri
  refuse('keys', 'given, or jwksUri: one of the two')
}

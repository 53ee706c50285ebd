import type { KeyObject } from 'node:crypto'
import { listOf, mustBe } from '../../utils/checks.js'
import type { KeyAlgorithm, KeyPair, KeyPairs } from './access-token-keys.js'
import { thumbprint } from './jwk.js'
import { key, type ParsedKey } from './parse-key.js'

/** The kind of key that an algorithm requires. */
interface KeyKind {
  expected: string
  matches(key: KeyObject): boolean
  /** The values of `alg` in a JWK that stand for the algorithm. */
  algNames: readonly unknown[]
}

const KINDS: Readonly<Record<KeyAlgorithm, KeyKind>> = {
  EdDSA: {
    expected: 'an Ed25519 key',
    matches: (key) => key.asymmetricKeyType === 'ed25519',
    // `Ed25519` is the name in RFC 9864.
    algNames: ['EdDSA', 'Ed25519']
  },
  ES256: {
    expected: 'an EC key on the curve P-256',
    // The name of P-256 in ANSI X9.62. Only EC keys have a named curve.
    matches: (key) => key.asymmetricKeyDetails?.namedCurve === 'prime256v1',
    algNames: ['ES256']
  },
  RS256: {
    // RFC 7518, section 3.3.
    expected: 'an RSA key of at least 2048 bits',
    matches: (key) =>
      key.asymmetricKeyType === 'rsa' && Number(key.asymmetricKeyDetails?.modulusLength) >= 2048,
    algNames: ['RS256']
  }
}

/**
 * Returns the keys of an algorithm.
 * @throws {FRT_ERR_INVALID_OPTION} if a key does not match the algorithm, a key id is not unique, or the first key
 * cannot sign
 */
export function keyPairs(keys: readonly ParsedKey[], algorithm: KeyAlgorithm, path: string): KeyPairs {
  const [first, ...others] = toDistinctPairs(keys, [algorithm], path)
  if (!first) mustBe(path, `one or more keys for ${algorithm}. The first one signs, and all verify`)
  if (!first.privateKey) mustBe(`${path}[0]`, 'a private key, because the first key signs')
  return Object.freeze([first, ...others] as const)
}

/** Checks keys from a key source or from `rotateKeys()` in the same way as the option. */
export function readKeyPairs(input: unknown, algorithm: KeyAlgorithm, path: string): KeyPairs {
  return keyPairs(listOf(key)(input, path), algorithm, path)
}

/** Returns keys that verify. Private keys are rejected, because a server that only verifies must not hold them. */
export function publicKeys(
  keys: readonly ParsedKey[],
  algorithms: readonly KeyAlgorithm[],
  path: string
): KeyPairs {
  const [first, ...others] = toDistinctPairs(keys, algorithms, path)
  if (!first) mustBe(path, `one or more public keys for ${algorithms.join(' or ')}`)
  const index = [first, ...others].findIndex(({ privateKey }) => privateKey)
  if (index >= 0) mustBe(`${path}[${index}]`, 'a public key. Only the issuer may hold private keys')
  return Object.freeze([first, ...others] as const)
}

function toDistinctPairs(
  keys: readonly ParsedKey[],
  algorithms: readonly KeyAlgorithm[],
  path: string
): readonly KeyPair[] {
  const kids = new Set<string>()
  return keys.map((each, i) => {
    const pair = keyPair(each, algorithms, `${path}[${i}]`)
    if (kids.has(pair.kid)) mustBe(`${path}[${i}]`, 'a key with a unique kid')
    kids.add(pair.kid)
    return pair
  })
}

/** Returns a key with its algorithm. Each kind of key matches only one algorithm. */
export function keyPair(parsed: ParsedKey, algorithms: readonly KeyAlgorithm[], path: string): KeyPair {
  const { publicKey, privateKey, kid } = parsed
  const algorithm = algorithms.find((each) => KINDS[each].matches(publicKey))
  if (!algorithm) mustBe(path, algorithms.map((each) => `${KINDS[each].expected} for ${each}`).join(' or '))
  const { use = 'sig', alg = algorithm } = parsed
  if (use !== 'sig' || !KINDS[algorithm].algNames.includes(alg)) {
    mustBe(path, `a key whose use and alg allow ${algorithm}`)
  }
  return Object.freeze({ algorithm, kid: kid ?? thumbprint(publicKey), publicKey, privateKey })
}

import type { KeyObject } from 'node:crypto'
import { listOf, mustBe } from '../../utils/checks.js'
import type { KeyAlgorithm, KeyPair, KeyPairs } from './access-token-keys.js'
import { thumbprint } from './jwk.js'
import { type GivenKey, key } from './parse-key.js'

interface Kind {
  expected: string
  fits(key: KeyObject): boolean
  /** Values of `alg` in a JWK that name the algorithm. */
  names: readonly unknown[]
}

const KINDS: Readonly<Record<KeyAlgorithm, Kind>> = {
  EdDSA: {
    expected: 'an Ed25519 key',
    fits: (key) => key.asymmetricKeyType === 'ed25519',
    // RFC 9864 names the curve.
    names: ['EdDSA', 'Ed25519']
  },
  ES256: {
    expected: 'an EC key on the curve P-256',
    // The name of P-256 in X9.62. Only EC keys have a curve.
    fits: (key) => key.asymmetricKeyDetails?.namedCurve === 'prime256v1',
    names: ['ES256']
  },
  RS256: {
    // RFC 7518 section 3.3.
    expected: 'an RSA key of at least 2048 bits',
    fits: (key) => key.asymmetricKeyType === 'rsa' && Number(key.asymmetricKeyDetails?.modulusLength) >= 2048,
    names: ['RS256']
  }
}

/** Returns the keys of an algorithm with unique key ids. The first one can sign. Throws `FRT_ERR_INVALID_OPTION` otherwise. */
export function keyPairs(given: readonly GivenKey[], algorithm: KeyAlgorithm, path: string): KeyPairs {
  const [first, ...others] = distinct(given, [algorithm], path)
  if (!first) mustBe(path, `one or more keys for ${algorithm}. The first one signs, and all verify`)
  if (!first.privateKey) mustBe(`${path}[0]`, 'a private key, because the first key signs')
  return Object.freeze([first, ...others] as const)
}

/** Checks keys from a key source or from `rotateKeys()` in the same way as the option. */
export function readKeyPairs(given: unknown, algorithm: KeyAlgorithm, path: string): KeyPairs {
  return keyPairs(listOf(key)(given, path), algorithm, path)
}

/** Returns keys that verify. Private keys are rejected, because a server that only verifies must not hold them. */
export function publicKeys(
  given: readonly GivenKey[],
  algorithms: readonly KeyAlgorithm[],
  path: string
): KeyPairs {
  const [first, ...others] = distinct(given, algorithms, path)
  if (!first) mustBe(path, `one or more public keys for ${algorithms.join(' or ')}`)
  const at = [first, ...others].findIndex(({ privateKey }) => privateKey)
  if (at >= 0) mustBe(`${path}[${at}]`, 'a public key. Only the issuer may hold private keys')
  return Object.freeze([first, ...others] as const)
}

function distinct(
  given: readonly GivenKey[],
  algorithms: readonly KeyAlgorithm[],
  path: string
): readonly KeyPair[] {
  const kids = new Set<string>()
  return given.map((each, i) => {
    const pair = keyPair(each, algorithms, `${path}[${i}]`)
    if (kids.has(pair.kid)) mustBe(`${path}[${i}]`, 'a key with a unique kid')
    kids.add(pair.kid)
    return pair
  })
}

/** Returns a key with its algorithm. Each kind of key fits one algorithm only. */
export function keyPair(given: GivenKey, algorithms: readonly KeyAlgorithm[], path: string): KeyPair {
  const { publicKey, privateKey, kid } = given
  const algorithm = algorithms.find((each) => KINDS[each].fits(publicKey))
  if (!algorithm) mustBe(path, algorithms.map((each) => `${KINDS[each].expected} for ${each}`).join(' or '))
  const { use = 'sig', alg = algorithm } = given
  if (use !== 'sig' || !KINDS[algorithm].names.includes(alg)) {
    mustBe(path, `a key whose use and alg allow ${algorithm}`)
  }
  return Object.freeze({ algorithm, kid: kid ?? thumbprint(publicKey), publicKey, privateKey })
}

import type { KeyObject } from 'node:crypto'
import { listOf, refuse } from '../../utils/checks.js'
import type { KeyAlgorithm, KeyPair, KeyPairs } from './access-token-keys.js'
import { thumbprint } from './jwk.js'
import { type GivenKey, key } from './parse-key.js'

interface Kind {
  right: string
  fits(key: KeyObject): boolean
  /** What a JWK may call the algorithm. */
  names: readonly unknown[]
}

const KINDS: Readonly<Record<KeyAlgorithm, Kind>> = {
  EdDSA: {
    right: 'an Ed25519 key',
    fits: (key) => key.asymmetricKeyType === 'ed25519',
    // The other is that of RFC 9864, which tells the curve.
    names: ['EdDSA', 'Ed25519']
  },
  ES256: {
    right: 'an EC key on the curve P-256',
    // The name that X9.62 gives to P-256. Only EC keys have a curve.
    fits: (key) => key.asymmetricKeyDetails?.namedCurve === 'prime256v1',
    names: ['ES256']
  },
  RS256: {
    // RFC 7518 section 3.3.
    right: 'an RSA key of at least 2048 bits',
    fits: (key) => key.asymmetricKeyType === 'rsa' && Number(key.asymmetricKeyDetails?.modulusLength) >= 2048,
    names: ['RS256']
  }
}

/** The keys of an algorithm, each with its kid: the first can sign, and no two have one kid. */
export function keyPairs(given: readonly GivenKey[], algorithm: KeyAlgorithm, path: string): KeyPairs {
  const [first, ...others] = distinct(given, [algorithm], path)
  if (!first) refuse(path, `one key for ${algorithm}, or several: the first signs, all verify`)
  if (!first.privateKey) refuse(`${path}[0]`, 'a private key: the first one signs')
  return Object.freeze([first, ...others] as const)
}

/** What a source of keys gave, or the application: checked as the option is. */
export function readKeyPairs(given: unknown, algorithm: KeyAlgorithm, path: string): KeyPairs {
  return keyPairs(listOf(key)(given, path), algorithm, path)
}

/** Keys that verify: none is private, for whoever only verifies has no business with what signs. */
export function publicKeys(
  given: readonly GivenKey[],
  algorithms: readonly KeyAlgorithm[],
  path: string
): KeyPairs {
  const [first, ...others] = distinct(given, algorithms, path)
  if (!first) refuse(path, `one public key for ${algorithms.join(' or ')}, or several`)
  const at = [first, ...others].findIndex(({ privateKey }) => privateKey)
  if (at >= 0) refuse(`${path}[${at}]`, 'a public key: the private one belongs to whoever signs')
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
    if (kids.has(pair.kid)) refuse(`${path}[${i}]`, 'a key whose kid no other has')
    kids.add(pair.kid)
    return pair
  })
}

/** A key of one of the algorithms, which its kind tells: no kind is of two. */
export function keyPair(given: GivenKey, algorithms: readonly KeyAlgorithm[], path: string): KeyPair {
  const { publicKey, privateKey, kid } = given
  const algorithm = algorithms.find((each) => KINDS[each].fits(publicKey))
  if (!algorithm) refuse(path, algorithms.map((each) => `${KINDS[each].right}, for ${each}`).join(' or '))
  const { use = 'sig', alg = algorithm } = given
  if (use !== 'sig' || !KINDS[algorithm].names.includes(alg)) {
    refuse(path, `a key for ${algorithm} by its use and alg, too`)
  }
  return Object.freeze({ algorithm, kid: kid ?? thumbprint(publicKey), publicKey, privateKey })
}

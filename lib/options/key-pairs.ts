import type { KeyObject } from 'node:crypto'
import type { KeyPair } from '../tokens/access-keys.js'
import { thumbprint } from '../tokens/thumbprint.js'
import { refuse } from './checks.js'
import type { GivenKey } from './keys.js'

type Algorithm = KeyPair['algorithm']

interface Kind {
  right: string
  fits(key: KeyObject): boolean
  /** What a JWK may call the algorithm. */
  names: readonly unknown[]
}

const KINDS: Readonly<Record<Algorithm, Kind>> = {
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
export function keyPairs(
  given: readonly GivenKey[],
  algorithm: Algorithm,
  path: string
): readonly [KeyPair, ...KeyPair[]] {
  const [first, ...others] = given.map((each, i) => keyPair(each, algorithm, `${path}[${i}]`))
  if (!first) refuse(path, `one key for ${algorithm}, or several: the first signs, all verify`)
  if (!first.privateKey) refuse(`${path}[0]`, 'a private key: the first one signs')
  const kids = new Set([first.kid])
  for (const [i, { kid }] of others.entries()) {
    if (kids.has(kid)) refuse(`${path}[${i + 1}]`, 'a key whose kid no other has')
    kids.add(kid)
  }
  return Object.freeze([first, ...others] as const)
}

function keyPair(given: GivenKey, algorithm: Algorithm, path: string): KeyPair {
  const { publicKey, privateKey, use = 'sig', alg = algorithm, kid } = given
  const { right, fits, names } = KINDS[algorithm]
  if (!fits(publicKey)) refuse(path, `${right}, for ${algorithm}`)
  if (use !== 'sig' || !names.includes(alg)) refuse(path, `a key for ${algorithm} by its use and alg, too`)
  return Object.freeze({ algorithm, kid: kid ?? thumbprint(publicKey), publicKey, privateKey })
}

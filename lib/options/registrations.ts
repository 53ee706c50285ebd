import type { FastifyInstance } from 'fastify'
import type { KeyPair } from '../tokens/keys/access-token-keys.js'
import { refuse } from '../utils/checks.js'
import type { ResolvedOptions } from './resolve.js'

type Instance = Pick<ResolvedOptions, 'keyPrefix' | 'store' | 'accessToken'>
type AccessToken = Instance['accessToken']

interface Claim {
  options: Instance
  keys: readonly KeyPair[]
}

/** Takes keys for an instance, instead of those that it has. @throws `FRT_ERR_INVALID_OPTION` */
export type ClaimKeys = (keys: readonly KeyPair[]) => void

const claims = new WeakMap<object, Claim[]>()

/**
 * Two instances in one app with one prefix, or one store, would take each other's sessions for their own.
 * With one key pair they would take each other's access tokens, which nothing derived keeps apart: at the
 * start, and whenever keys are replaced.
 */
export function claim({ server }: FastifyInstance, options: Instance): ClaimKeys {
  const { keyPrefix, store, accessToken } = options
  const others = claims.get(server) ?? []
  for (const { options: other } of others) {
    if (other.keyPrefix === keyPrefix)
      refuse('keyPrefix', `another: '${keyPrefix}' belongs to another registration in this app`)
    if (store && other.store === store)
      refuse('store', 'another: this one belongs to another registration in this app')
  }
  const own: Claim = { options, keys: [] }
  claims.set(server, [...others, own])

  return function claimKeys(keys) {
    for (const other of claims.get(server) as Claim[]) {
      if (other !== own && sharesKey(other.keys, keys) && !isApart(other.options.accessToken, accessToken))
        refuse(
          'accessToken.keys',
          'others than those of another registration in this app, unless both have an issuer or audience, and it differs'
        )
    }
    own.keys = keys
  }
}

function sharesKey(one: readonly KeyPair[], other: readonly KeyPair[]): boolean {
  return one.some((key) => other.some(({ publicKey }) => publicKey.equals(key.publicKey)))
}

/** RFC 8725 section 3.12: what one accepts the other refuses. One that asks for none accepts any. */
function isApart(one: AccessToken, other: AccessToken): boolean {
  const differs = (name: 'issuer' | 'audience') =>
    one[name] !== undefined && other[name] !== undefined && one[name] !== other[name]
  return differs('issuer') || differs('audience')
}

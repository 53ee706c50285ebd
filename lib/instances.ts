import type { FastifyInstance } from 'fastify'
import { refuse } from './options/checks.js'
import type { ResolvedOptions } from './options/resolve.js'

type Instance = Pick<ResolvedOptions, 'keyPrefix' | 'store' | 'accessToken'>
type AccessToken = Instance['accessToken']

const claimed = new WeakMap<object, Instance[]>()

/**
 * Two instances in one app with one prefix, or one store, would take each other's sessions for their own.
 * With one key pair they would take each other's access tokens, which nothing derived keeps apart.
 */
export function claim({ server }: FastifyInstance, options: Instance): void {
  const { keyPrefix, store, accessToken } = options
  const others = claimed.get(server) ?? []
  for (const other of others) {
    if (other.keyPrefix === keyPrefix)
      refuse('keyPrefix', `another: '${keyPrefix}' belongs to another registration in this app`)
    if (store && other.store === store)
      refuse('store', 'another: this one belongs to another registration in this app')
    if (sharesKey(other.accessToken, accessToken) && !isApart(other.accessToken, accessToken))
      refuse(
        'accessToken.keys',
        'others than those of another registration in this app, unless both have an issuer or audience, and it differs'
      )
  }
  claimed.set(server, [...others, options])
}

function sharesKey(one: AccessToken, other: AccessToken): boolean {
  return !!one.keys?.some((key) => other.keys?.some(({ publicKey }) => publicKey.equals(key.publicKey)))
}

/** RFC 8725 section 3.12: what one accepts the other refuses. One that asks for none accepts any. */
function isApart(one: AccessToken, other: AccessToken): boolean {
  const differs = (name: 'issuer' | 'audience') =>
    one[name] !== undefined && other[name] !== undefined && one[name] !== other[name]
  return differs('issuer') || differs('audience')
}

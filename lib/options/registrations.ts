import type { FastifyInstance } from 'fastify'
import type { KeyPair } from '../tokens/keys/access-token-keys.js'
import { invalidOption } from '../utils/checks.js'
import type { ResolvedOptions } from './resolve.js'

type RegistrationOptions = Pick<ResolvedOptions, 'keyPrefix' | 'store' | 'accessToken'>
type AccessToken = RegistrationOptions['accessToken']

interface Registration {
  options: RegistrationOptions
  keys: readonly KeyPair[]
}

/** Reserves keys for a registration, in place of those that it has. Throws `FRT_ERR_INVALID_OPTION` on a conflict. */
export type ReserveKeys = (keys: readonly KeyPair[]) => void

const registrations = new WeakMap<object, Registration[]>()

/**
 * Adds a registration of the plugin to the application and rejects conflicts with earlier ones. Two registrations with
 * one key prefix or one store would accept each other's sessions. With one key pair they would accept each other's
 * access tokens, unless issuer or audience differ.
 *
 * @returns a function that checks and reserves access token keys, at the start and at each key rotation
 * @throws {FRT_ERR_INVALID_OPTION} if the key prefix or the store is already used
 */
export function addRegistration({ server }: FastifyInstance, options: RegistrationOptions): ReserveKeys {
  const { keyPrefix, store, accessToken } = options
  const others = registrations.get(server) ?? []
  for (const { options: other } of others) {
    if (other.keyPrefix === keyPrefix)
      invalidOption(`keyPrefix '${keyPrefix}' is already used by another registration in this app`)
    if (store && other.store === store)
      invalidOption('option "store" is already used by another registration in this app')
  }
  const own: Registration = { options, keys: [] }
  registrations.set(server, [...others, own])

  return function reserveKeys(keys) {
    for (const other of registrations.get(server) as Registration[]) {
      if (other === own || !sharesKey(other.keys, keys)) continue
      if (!haveDistinctAudience(other.options.accessToken, accessToken))
        invalidOption(
          'option "accessToken.keys" has a key of another registration in this app. Use another key, or give both an issuer or audience that differ'
        )
    }
    own.keys = keys
  }
}

function sharesKey(one: readonly KeyPair[], other: readonly KeyPair[]): boolean {
  return one.some((key) => other.some(({ publicKey }) => publicKey.equals(key.publicKey)))
}

/** With different issuers or audiences, each rejects the tokens of the other (RFC 8725, section 3.12). */
function haveDistinctAudience(one: AccessToken, other: AccessToken): boolean {
  const differs = (name: 'issuer' | 'audience') => {
    const [values, others] = [listOf(one[name]), listOf(other[name])]
    return values.length > 0 && others.length > 0 && !values.some((value) => others.includes(value))
  }
  return differs('issuer') || differs('audience')
}

function listOf(claim: string | readonly string[] | undefined): readonly string[] {
  return claim === undefined ? [] : [claim].flat()
}

import type { FastifyInstance } from 'fastify'
import { refuse } from './options/checks.js'
import type { ResolvedOptions } from './options/resolve.js'

const claimed = new WeakMap<object, Set<unknown>>()

/** Two instances in one app with one prefix, or one store, would take each other's sessions for their own. */
export function claim(
  { server }: FastifyInstance,
  { keyPrefix, store }: Pick<ResolvedOptions, 'keyPrefix' | 'store'>
): void {
  const taken = claimed.get(server) ?? new Set()
  if (taken.has(keyPrefix))
    refuse('keyPrefix', `another: '${keyPrefix}' belongs to another registration in this app`)
  if (store && taken.has(store))
    refuse('store', 'another: this one belongs to another registration in this app')
  claimed.set(server, taken.add(keyPrefix).add(store))
}

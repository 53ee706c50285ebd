import type { FastifyInstance } from 'fastify'
import { refuse } from './options/checks.js'

const prefixes = new WeakMap<object, Set<string>>()

/** Two instances with one prefix in one app would share keys and sessions, and mistake them. */
export function claimPrefix({ server }: FastifyInstance, keyPrefix: string): void {
  const claimed = prefixes.get(server) ?? new Set()
  if (claimed.has(keyPrefix))
    refuse('keyPrefix', `another: '${keyPrefix}' belongs to another registration in this app`)
  prefixes.set(server, claimed.add(keyPrefix))
}

import type { RedisClient } from '../../../types/redis-client.js'

/** The part of ioredis that reads the settings of a server. */
interface InfoClient {
  info?(section: string): Promise<string>
  /** Only a Cluster has it. */
  nodes?(role: 'master'): InfoClient[]
}

/**
 * Returns a warning for each eviction policy other than `noeviction`. All keys of sessions have a TTL, so any other policy
 * may evict them, which logs users out.
 */
export async function evictionWarnings(redis: RedisClient): Promise<string[]> {
  const client = redis as InfoClient
  // Query the client itself first: a Cluster lists its nodes only after its first reply.
  const clientPolicy = await evictionPolicyOf(client)
  const masterPolicies = await Promise.all((client.nodes?.('master') ?? []).map(evictionPolicyOf))
  const policies = new Set([clientPolicy, ...masterPolicies])
  return [...policies]
    .filter((policy) => policy !== undefined && policy !== 'noeviction')
    .map((policy) => `maxmemory-policy "${policy}" may evict sessions; set it to "noeviction"`)
}

/** Reads the policy with `INFO`, because many Redis users lack the permission for `CONFIG`. */
async function evictionPolicyOf(server: InfoClient): Promise<string | undefined> {
  const info = await server.info?.('memory')
  return info?.match(/^maxmemory_policy:(\S+)/m)?.[1]
}

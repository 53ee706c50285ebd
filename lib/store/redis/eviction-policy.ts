import type { RedisClient } from '../../../types/redis-client.js'

/** The part of ioredis that tells of a server's settings. */
interface InformedClient {
  info?(section: string): Promise<string>
  /** Of a Cluster. */
  nodes?(role: 'master'): InformedClient[]
}

/** All our keys have a TTL: any policy but `noeviction` may take them before their time, which is a logout. */
export async function evictionWarnings(redis: RedisClient): Promise<string[]> {
  const client = redis as InformedClient
  // First the client itself: a Cluster knows its nodes once it has answered.
  const any = await evictionPolicy(client)
  const masters = await Promise.all((client.nodes?.('master') ?? []).map(evictionPolicy))
  const policies = new Set([any, ...masters])
  return [...policies]
    .filter((policy) => policy !== undefined && policy !== 'noeviction')
    .map((policy) => `maxmemory-policy is '${policy}', which may evict sessions: it should be 'noeviction'`)
}

/** By INFO, which is allowed where CONFIG is not. */
async function evictionPolicy(server: InformedClient): Promise<string | undefined> {
  const info = await server.info?.('memory')
  return info?.match(/^maxmemory_policy:(\S+)/m)?.[1]
}

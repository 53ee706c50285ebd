import type { RedisClient } from '../../../types/redis-client.js'

/** The part of ioredis that reads the settings of a server. */
interface InfoClient {
  info?(section: string): Promise<string>
  /** Only a Cluster has it. */
  nodes?(role: 'master'): InfoClient[]
}

/**
 * Reads a section of `INFO` from each master. Uses `INFO`, because many Redis users lack the permission for `CONFIG`.
 * @throws if the Redis user lacks the permission for `INFO`
 */
export async function readInfo(redis: RedisClient, section: string): Promise<string[]> {
  const client = redis as InfoClient
  // Query the client itself first: a Cluster lists its nodes only after its first reply.
  const first = await client.info?.(section)
  const others = await Promise.all((client.nodes?.('master') ?? []).map((node) => node.info?.(section)))
  return [first, ...others].filter((info) => info !== undefined)
}

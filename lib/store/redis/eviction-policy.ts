import type { RedisClient } from '../../../types/redis-client.js'
import { readInfo } from './server-info.js'

/**
 * Returns a warning for each eviction policy other than `noeviction`. All keys of sessions have a TTL, so any other policy
 * may evict them, which logs users out.
 */
export async function evictionWarnings(redis: RedisClient): Promise<string[]> {
  const infos = await readInfo(redis, 'memory')
  const policies = new Set(infos.map((info) => info.match(/^maxmemory_policy:(\S+)/m)?.[1]))
  return [...policies]
    .filter((policy) => policy !== undefined && policy !== 'noeviction')
    .map((policy) => `maxmemory-policy "${policy}" may evict sessions; set it to "noeviction"`)
}

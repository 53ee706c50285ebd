import type { RedisClient } from '../../../../types/redis-client.js'
import { readInfo } from '../server-info.js'

/** Returns warnings about settings of client and servers that lose more writes in a failover than necessary. */
export async function failoverWarnings(redis: RedisClient): Promise<string[]> {
  return [...sentinelWarnings(redis), ...(await replicaWarnings(redis))]
}

function sentinelWarnings({ options = {} }: RedisClient): string[] {
  const { sentinels, failoverDetector }: { sentinels?: unknown; failoverDetector?: unknown } = options
  if (!Array.isArray(sentinels) || failoverDetector === true) return []
  return [
    'Redis client uses Sentinel without "failoverDetector: true"; what it writes to the old master in the second after a failover is lost'
  ]
}

async function replicaWarnings(redis: RedisClient): Promise<string[]> {
  const infos = await readInfo(redis, 'replication')
  if (!infos.some(acceptsWritesAlone)) return []
  return [
    'Redis master has replicas and "min-replicas-to-write 0"; if it is cut off from them, it accepts logins and logouts that the next failover loses. Set it to 1'
  ]
}

/** Redis lists `min_slaves_good_slaves` only if `min-replicas-to-write` and `min-replicas-max-lag` are set. */
function acceptsWritesAlone(info: string): boolean {
  const isMaster = /^role:master\b/m.test(info)
  const hasReplicas = /^connected_slaves:[1-9]/m.test(info)
  return isMaster && hasReplicas && !/^min_slaves_good_slaves:/m.test(info)
}

import type { StoreUnderTest } from '../../test/support/stores.js'

/** The content of a replica: the values of the keys, and when they expire by the clock of the test. */
export interface Snapshot {
  keys: { key: string; value: Buffer; untilMs: number }[]
}

/** @returns `null` for a store without a replica */
export async function takeSnapshot({ redis, keyPrefix, clock }: StoreUnderTest): Promise<Snapshot | null> {
  if (!redis) return null
  const keys: Snapshot['keys'] = []
  for (const key of await redis.keys(`${keyPrefix}*`)) {
    const [value, ttl] = [await redis.dumpBuffer(key), await redis.pttl(key)]
    if (value && ttl > 0) keys.push({ key, value, untilMs: clock.nowMs + ttl })
  }
  return { keys }
}

/** Restores a snapshot, as a failover to a lagging replica does. Later writes are lost. */
export async function restoreSnapshot(
  { redis, keyPrefix, clock }: StoreUnderTest,
  { keys }: Snapshot
): Promise<void> {
  if (!redis) return
  for (const key of await redis.keys(`${keyPrefix}*`)) await redis.del(key)
  for (const { key, value, untilMs } of keys) {
    const ttl = untilMs - clock.nowMs
    if (ttl > 0) await redis.restore(key, ttl, value)
  }
}

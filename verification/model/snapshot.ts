import type { StoreUnderTest } from '../../test/support/stores.js'

/** What a replica had: the values of the keys, and until when they live by the test's clock. */
export interface Snapshot {
  keys: { key: string; value: Buffer; untilMs: number }[]
}

/** @returns null for a store that has no replica */
export async function take({ redis, keyPrefix, clock }: StoreUnderTest): Promise<Snapshot | null> {
  if (!redis) return null
  const keys: Snapshot['keys'] = []
  for (const key of await redis.keys(`${keyPrefix}*`)) {
    const [value, ttl] = [await redis.dumpBuffer(key), await redis.pttl(key)]
    if (value && ttl > 0) keys.push({ key, value, untilMs: clock.nowMs + ttl })
  }
  return { keys }
}

/** The replica takes over: what was written since is lost. */
export async function restore(
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

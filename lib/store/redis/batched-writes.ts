import { setImmediate } from 'node:timers'
import type { RedisClient } from '../../../types/redis-client.js'

type Socket = NonNullable<RedisClient['stream']>

/** Taken at the start, because a test of the application may replace the timers. */
const afterThisTurn = setImmediate
const corked = new WeakSet<Socket>()

/**
 * Sends all commands of this turn of the event loop in one system call. When many clients refresh at once, their commands
 * then cost one call here and one in Redis, and their replies arrive together, too. A single command waits for nothing.
 *
 * Does nothing for a client without one socket: a Cluster, or one that is not connected.
 */
export function batchWrites({ stream }: RedisClient): void {
  if (!stream || corked.has(stream)) return
  corked.add(stream)
  stream.cork()
  afterThisTurn(() => {
    corked.delete(stream)
    stream.uncork()
  })
}

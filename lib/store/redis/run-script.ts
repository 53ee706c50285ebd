import { createHash } from 'node:crypto'
import type { RedisClient } from '../../../types/redis-client.js'
import { errors } from '../../errors.js'
import { batchWrites } from './batched-writes.js'

export interface Script {
  source: string
  sha1: string
  /** The number of its keys. */
  keys: number
}

/** A client with the methods that return bytes. */
export type BinaryClient = RedisClient & Required<Pick<RedisClient, 'evalshaBuffer' | 'evalBuffer'>>

export function defineScript(keys: number, source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex'), keys }
}

/** @throws if the client lacks the methods, for example a wrapper of the application */
export function requireBinary(redis: RedisClient): BinaryClient {
  if (redis.evalshaBuffer && redis.evalBuffer) return redis as BinaryClient
  throw new errors.InvalidOption(
    'RedisStore needs a client with the methods evalshaBuffer and evalBuffer of ioredis'
  )
}

/**
 * Runs a script in one round trip, or in two if the server has not cached it yet. Sends the source only after
 * `NOSCRIPT`, because after any other error the script may have run.
 */
export function runScript(
  redis: RedisClient,
  { sha1, source, keys }: Script,
  keysAndArgs: (string | number)[]
): Promise<unknown> {
  const texts = keysAndArgs.map(String)
  batchWrites(redis)
  return redis.evalsha(sha1, keys, ...texts).catch((error) => {
    if (!isNoScript(error)) throw error
    return redis.eval(source, keys, ...texts)
  })
}

/**
 * Like `runScript`, for a script whose reply has bytes that are no text.
 * @param read converts the reply. It is called here, because each promise in between would cost time
 */
export function runBinaryScript<T>(
  redis: BinaryClient,
  { sha1, source, keys }: Script,
  keysAndArgs: (string | number)[],
  read: (reply: unknown) => T | Promise<T>
): Promise<T> {
  const texts = keysAndArgs.map(String)
  batchWrites(redis)
  return redis.evalshaBuffer(sha1, keys, ...texts).then(read, (error) => {
    if (!isNoScript(error)) throw error
    return redis.evalBuffer(source, keys, ...texts).then(read)
  })
}

/** Returns whether the server has not cached the script. The script has certainly not run. */
export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

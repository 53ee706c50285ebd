import { createHash } from 'node:crypto'
import type { RedisClient } from '../../../types/redis-client.js'

export interface Script {
  source: string
  sha1: string
  /** The number of its keys. */
  keys: number
}

export function defineScript(keys: number, source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex'), keys }
}

/**
 * Runs a script in one round trip, or in two if the server has not cached it yet. Sends the source only after
 * `NOSCRIPT`, because after any other error the script may have run.
 */
export async function runScript(
  redis: RedisClient,
  script: Script,
  keys: string[],
  args: (string | number)[]
): Promise<unknown> {
  const keysAndArgs = keys.concat(args.map(String))
  try {
    return await redis.evalsha(script.sha1, script.keys, ...keysAndArgs)
  } catch (error) {
    if (!isNoScript(error)) throw error
    return await redis.eval(script.source, script.keys, ...keysAndArgs)
  }
}

/** Returns whether the server has not cached the script. The script has certainly not run. */
export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

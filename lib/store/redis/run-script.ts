import { createHash } from 'node:crypto'
import type { RedisClient } from '../../../types/redis-client.js'

/** A script, and the number of its keys. */
export interface Script {
  source: string
  sha1: string
  keys: number
}

export function defineScript(keys: number, source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex'), keys }
}

/**
 * Runs a script in one round trip; in two where the server does not know it yet. Sending the source is
 * safe after `NOSCRIPT` alone: after any other error the script may have run.
 */
export async function runScript(
  redis: RedisClient,
  script: Script,
  keys: string[],
  args: (string | number)[]
): Promise<unknown> {
  const rest = keys.concat(args.map(String))
  try {
    return await redis.evalsha(script.sha1, script.keys, ...rest)
  } catch (error) {
    if (!isNoScript(error)) throw error
    return await redis.eval(script.source, script.keys, ...rest)
  }
}

/** The server does not know the script: it certainly did not run. */
export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

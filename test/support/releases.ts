import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { BinaryClient } from '../../lib/store/redis/run-script.js'

/** Changes a script, as another release does. */
type Rewrite = (source: string) => string
type Arguments = [keys: number, ...keysAndArgs: string[]]

/** Returns a client that sends the scripts of another release. The rest of the package is the same. */
export function asRelease(client: Redis, rewrite: Rewrite): Redis {
  const redis = client as Redis & BinaryClient
  const known = new Map<string, string>()
  const knownBy = (sha1: string) => {
    const other = known.get(sha1)
    if (other === undefined) throw new Error('NOSCRIPT No matching script.')
    return other
  }
  const rewritten = (source: string) => {
    const other = rewrite(source)
    known.set(sha1Of(source), sha1Of(other))
    return other
  }
  const methods: Partial<Record<string | symbol, unknown>> = {
    evalsha: async (sha1: string, ...args: Arguments) => redis.evalsha(knownBy(sha1), ...args),
    evalshaBuffer: async (sha1: string, ...args: Arguments) => redis.evalshaBuffer(knownBy(sha1), ...args),
    eval: (source: string, ...args: Arguments) => redis.eval(rewritten(source), ...args),
    evalBuffer: (source: string, ...args: Arguments) => redis.evalBuffer(rewritten(source), ...args)
  }
  return new Proxy(redis, {
    get(target, name) {
      const value: unknown = methods[name] ?? Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}

function sha1Of(source: string): string {
  return createHash('sha1').update(source).digest('hex')
}

/** Different scripts with the same format. */
export const patched: Rewrite = (source) => `-- another release\n${source}`

/**
 * Reads sessions of formats 2 and 3, and writes format 2. In format 3 the header has one more byte. Sessions of the other
 * format are written anew at the next refresh, because a write in place would not change the format.
 */
export const readsBoth: Rewrite = (source) =>
  replace(
    patched(source),
    /if format ~= FORMAT then error\(/g,
    `if format ~= FORMAT then prune_at_ms = 0 end
  HEADER_SIZE = HEADER_SIZE + format - 2
  if format ~= 2 and format ~= 3 then error(`
  )

/** Reads sessions of formats 2 and 3, and writes format 3. */
export const writesNext: Rewrite = (source) => {
  const named = replace(readsBoth(source), /local FORMAT = 2/g, 'local FORMAT = 3')
  return replace(named, /^( *local header = .*)$/gm, "$1 .. '\\7'")
}

/** Scripts that do not read sessions stay as they are. */
function replace(source: string, pattern: RegExp, text: string): string {
  if (!source.includes('local FORMAT')) return source
  return source.replace(pattern, text)
}

import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'

/** Changes a script, as another release does. */
type Rewrite = (source: string) => string

/** Returns a client that sends the scripts of another release. The rest of the package is the same. */
export function asRelease(redis: Redis, rewrite: Rewrite): Redis {
  const known = new Map<string, string>()
  const methods: Partial<Record<string | symbol, unknown>> = {
    async evalsha(sha1: string, ...args: [number, ...string[]]) {
      const other = known.get(sha1)
      if (other === undefined) throw new Error('NOSCRIPT No matching script.')
      return redis.evalsha(other, ...args)
    },
    eval(source: string, ...args: [number, ...string[]]) {
      const other = rewrite(source)
      known.set(sha1Of(source), sha1Of(other))
      return redis.eval(other, ...args)
    }
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
 * Reads sessions of both formats and writes the first. In the second format each record has one more byte after its
 * header.
 */
export const readsBoth: Rewrite = (source) => {
  if (!source.includes('local FORMAT')) return patched(source)
  const lenient = replace(
    source,
    "if struct.unpack('B', packed) ~= FORMAT then error(",
    "local extra = struct.unpack('B', packed) - 1\n  if extra ~= 0 and extra ~= 1 then error("
  )
  return replace(
    lenient,
    'local body = string.sub(packed, offset + HEADER_SIZE, ',
    'local body = string.sub(packed, offset + HEADER_SIZE + extra, '
  )
}

/** Reads sessions of both formats and writes the second. */
export const writesSecond: Rewrite = (source) => {
  if (!source.includes('local FORMAT')) return patched(source)
  const named = replace(readsBoth(source), 'local FORMAT = 1', 'local FORMAT = 2')
  return replace(
    named,
    'struct.pack(HEADER, HEADER_SIZE + #record.body, record.sid, record.expires_ms)',
    "struct.pack(HEADER, HEADER_SIZE + 1 + #record.body, record.sid, record.expires_ms) .. '\\7'"
  )
}

function replace(source: string, from: string, to: string): string {
  if (source.split(from).length !== 2)
    throw new Error(`the script does not contain this exactly once: ${from}`)
  return source.replace(from, () => to)
}

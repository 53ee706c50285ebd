import { defineScript } from '../run-script.js'

/**
 * Adds a revocation to the feed. Each entry names the one before it, so that a reader notices a missing entry.
 *
 * KEYS: 1 the stream.
 * ARGV: 1 retention of entries in ms, 2 the revocation.
 * Result: the id of the entry.
 */
export const addRevocationScript = defineScript(
  1,
  `
local last_entry = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local previous_id = last_entry and last_entry[1] or '0-0'

-- Uses the time of the stream, which never goes back. Trims before it adds: after the first write command of a script, a
-- full Redis no longer rejects the others, and a logout must work in a full Redis.
local oldest_ms = tonumber(string.match(previous_id, '^%d+')) - tonumber(ARGV[1])
redis.call('XTRIM', KEYS[1], 'MINID', '=', string.format('%.0f', math.max(0, oldest_ms)))
return redis.call('XADD', KEYS[1], '*', 'before', previous_id, 'revocation', ARGV[2])
`
)

/**
 * Reads the id of the last entry of the feed, and the pulse of this process. Fails on a replica, which may lag, because
 * XTRIM is a write command. With this argument it removes nothing.
 *
 * KEYS: 1 the stream, 2 the pulse.
 * ARGV: none.
 * Result: the id, or `0-0` if the stream is empty, and the counter of the pulse, or `0` if there is none.
 */
export const readStateScript = defineScript(
  2,
  `
redis.call('XTRIM', KEYS[1], 'MINID', '=', '0')
local last_entry = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return {last_entry and last_entry[1] or '0-0', redis.call('GET', KEYS[2]) or '0'}
`
)

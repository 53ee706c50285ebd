import { defineScript } from '../run-script.js'

/**
 * Adds to the feed. Each entry names the one before it: a reader sees if one is missing.
 *
 * KEYS: 1 the stream. ARGV: 1 how long entries matter, in ms, 2 the revocation.
 * Answers the id of the entry.
 */
export const addRevocationScript = defineScript(
  1,
  `
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local before = last and last[1] or '0-0'

-- By the stream's own time, which no clock sets back. Trims before it adds: once a script has written, a
-- full Redis lets it go on, and a logout is one in a full Redis, too.
local oldest = tonumber(string.match(before, '^%d+')) - tonumber(ARGV[1])
redis.call('XTRIM', KEYS[1], 'MINID', '=', string.format('%.0f', math.max(0, oldest)))
return redis.call('XADD', KEYS[1], '*', 'before', before, 'revocation', ARGV[2])
`
)

/**
 * Reads the end of the feed, on a master: a replica refuses the write, which changes nothing.
 *
 * KEYS: 1 the stream. Answers the id of its last entry.
 */
export const lastIdScript = defineScript(
  1,
  `
redis.call('XTRIM', KEYS[1], 'MINID', '=', '0')
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return last and last[1] or '0-0'
`
)

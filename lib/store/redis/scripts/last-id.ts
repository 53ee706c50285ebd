import { defineScript } from '../run-script.js'

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

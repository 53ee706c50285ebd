import { defineScript } from '../run-script.js'

/**
 * Writes the pulse of a process. It never goes back, because a client may send a call again.
 *
 * KEYS: 1 the pulse.
 * ARGV: 1 the counter, 2 how long it is kept, in ms.
 */
export const pulseScript = defineScript(
  1,
  `
-- After the first write command of a script, a full Redis no longer rejects the others.
local last = redis.call('GETEX', KEYS[1])
if tonumber(last or 0) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
`
)

/**
 * Reads the pulse of a process. Fails on a replica, which may lag, because GETEX is a write command. Without an option it
 * changes nothing.
 *
 * KEYS: 1 the pulse.
 * ARGV: none.
 * Result: the counter, or `0` if there is none.
 */
export const readPulseScript = defineScript(1, "return redis.call('GETEX', KEYS[1]) or '0'")

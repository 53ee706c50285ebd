import { defineScript } from '../run-script.js'
import {
  CHANGING_AT,
  clampTimes,
  findPosition,
  packChanges,
  readClock,
  readHeader,
  readState,
  requireMaster
} from './session-lookup.js'

/**
 * Records that the client holds a generation. Does nothing if it is not the current generation, or is already confirmed.
 *
 * KEYS: 1 the user's sessions, 2 the session's denylist entry.
 * ARGV: 1 sid, 2 generation.
 * Result: none.
 */
export const confirmScript = defineScript(
  2,
  `${readClock}${readHeader}${findPosition}
if position then
  ${readState}
  if expires_ms > now_ms and gen == ARGV[2] + 0 and confirmed_at_us == 0 then
    ${clampTimes}
    confirmed_at_us = now_us
    redis.call('SETRANGE', KEYS[1], state_at + ${CHANGING_AT}, ${packChanges})
    return false
  end
end
${requireMaster}
return false
`
)

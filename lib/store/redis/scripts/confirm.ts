import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'

/**
 * Records that the client holds a generation. Does nothing if it is not the current generation, or is already confirmed.
 *
 * KEYS: 1 the user's sessions.
 * ARGV: 1 sid, 2 generation.
 * Result: none.
 */
export const confirmScript = defineScript(
  1,
  `${sessionFunctions}
local now_us = read_clock()
local records = load_records(KEYS[1], now_us)
local record, position = find_record(records, ARGV[1])
local session = record and to_session(record)
if session and session.gen == tonumber(ARGV[2]) and session.confirmed_at_us == 0 then
  clamp_times(session, now_us)
  session.confirmed_at_us = now_us
  records[position] = to_record(session)
  save_records(KEYS[1], records, now_us)
else
  require_master(KEYS[1])
end
return false
`
)

import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'

/**
 * Notes that the client has proved to hold a generation. Does nothing where it is not the current one,
 * or was confirmed before.
 *
 * KEYS: 1 the user's sessions. ARGV: 1 sid, 2 the generation. Answers nothing.
 */
export const confirmScript = defineScript(
  1,
  `${sessionFunctions}
local now = clock()
local records = load_records(KEYS[1], now)
local record, i = find_record(records, ARGV[1])
local s = record and open_record(record)
if s and s.gen == tonumber(ARGV[2]) and s.confirmed == 0 then
  clamp(s, now)
  s.confirmed = now
  records[i] = to_record(s)
  save_records(KEYS[1], records, now)
else
  ask_master(KEYS[1])
end
return false
`
)

import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'

/**
 * Ends a session.
 *
 * KEYS: 1 the user's sessions, 2 the session's entry in the blacklist, 3 the answer to this operation.
 * ARGV: 1 sid, 2 reason.
 * Answers a list: the session, or nothing where there was none to end.
 */
export const revokeScript = defineScript(
  3,
  `${sessionFunctions}
local before = recall_answer(KEYS[3])
if before then return before end

local now = clock()
local records = load_records(KEYS[1], now)
local record, i = find_record(records, ARGV[1])
if not record then
  ask_master(KEYS[1])
  return {}
end

table.remove(records, i)
save_records(KEYS[1], records, now, true)
forbid(KEYS[2], ARGV[2], record.expires, now)
return remember_answer(KEYS[3], {view(open_record(record))})
`
)

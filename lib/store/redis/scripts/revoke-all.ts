import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'

/**
 * Ends the sessions of a user.
 *
 * KEYS: 1 his sessions, 2 the answer to this operation, 3 the start of the keys of his blacklist: a sid
 * is appended.
 * ARGV: 1 sub, 2 reason, 3 a sid to spare, or nothing, 4 a time in ms: what began later is spared.
 * Answers a list of the sessions that it ended.
 */
export const revokeAllScript = defineScript(
  3,
  `${sessionFunctions}
local before = recall_answer(KEYS[2])
if before then return before end

local now = clock()
local ended, left = {}, {}
for _, record in ipairs(load_records(KEYS[1], now)) do
  local s = open_record(record)
  -- A time that lies ahead is that of a clock that was set back: the session is as old as any.
  local is_meant = s.created > now or to_ms(s.created) <= tonumber(ARGV[4])
  if s.sub == ARGV[1] and s.sid ~= ARGV[3] and is_meant then
    table.insert(ended, s)
  else
    table.insert(left, record)
  end
end
if #ended == 0 then
  ask_master(KEYS[1])
  return {}
end

save_records(KEYS[1], left, now, true)
local views = {}
for _, s in ipairs(ended) do
  forbid(KEYS[3] .. s.sid, ARGV[2], s.expires, now)
  table.insert(views, view(s))
end
return remember_answer(KEYS[2], views)
`
)

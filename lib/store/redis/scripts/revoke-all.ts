import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session.js'

/**
 * Ends the sessions of a user.
 *
 * KEYS: 1 the index, 2 the answer to this operation, 3 and 4 the start of the keys of his sessions and
 * of his blacklist: a sid is appended.
 * ARGV: 1 reason, 2 a sid to spare, or nothing, 3 a time in ms: what began later is spared.
 * Answers a list of the sessions that it ended.
 */
export const revokeAllScript = defineScript(
  4,
  `${sessionFunctions}
local before = recall_answer(KEYS[2])
if before then return before end

local now = clock()
local ended = {}
for _, sid in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local s = load_session(KEYS[3] .. sid)
  -- A time that lies ahead is that of a clock that was set back: the session is as old as any.
  local is_meant = s and (s.created > now or to_ms(s.created) <= tonumber(ARGV[3]))
  if is_meant and sid ~= ARGV[2] then
    end_session(KEYS[3] .. sid, KEYS[4] .. sid, s, ARGV[1])
    table.insert(ended, view(sid, s, now))
    s = nil
  end
  if not s then redis.call('ZREM', KEYS[1], sid) end
end
return remember_answer(KEYS[2], ended)
`
)

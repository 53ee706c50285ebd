import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session.js'

/**
 * Reads the live sessions of a user, oldest first, and drops the dead from his index.
 *
 * KEYS: 1 the index, 2 the start of the keys of his sessions: a sid is appended.
 * Answers a list of sessions.
 */
export const listScript = defineScript(
  2,
  `${sessionFunctions}
local now = clock()
local found = {}
for _, sid in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local s = load_session(KEYS[2] .. sid)
  if s then
    table.insert(found, {sid = sid, session = s})
  else
    redis.call('ZREM', KEYS[1], sid)
  end
end
table.sort(found, function (a, b) return a.session.created < b.session.created end)
local views = {}
for _, each in ipairs(found) do table.insert(views, view(each.sid, each.session, now)) end
return views
`
)

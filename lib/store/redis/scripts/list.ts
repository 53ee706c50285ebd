import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session.js'

/**
 * Reads the live sessions of a user, oldest first.
 *
 * KEYS: 1 his sessions. ARGV: 1 sub. Answers a list of sessions.
 */
export const listScript = defineScript(
  1,
  `${sessionFunctions}
local views = {}
for _, record in ipairs(load_records(KEYS[1], clock())) do
  local s = open_record(record)
  if s.sub == ARGV[1] then table.insert(views, view(s)) end
end
return views
`
)

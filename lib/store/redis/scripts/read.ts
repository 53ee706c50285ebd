import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'

/**
 * Reads a session.
 *
 * KEYS: 1 the user's sessions. ARGV: 1 sid. Answers the session, or nothing.
 */
export const getScript = defineScript(
  1,
  `${sessionFunctions}
local record = find_record(load_records(KEYS[1], clock()), ARGV[1])
if not record then return ask_master(KEYS[1]) end
return view(open_record(record))
`
)

/**
 * Whether a session lives, by what a master has.
 *
 * KEYS: 1 the user's sessions. ARGV: 1 sid. Answers `1` or `0`.
 */
export const hasScript = defineScript(
  1,
  `${sessionFunctions}
ask_master(KEYS[1])
return find_record(load_records(KEYS[1], clock()), ARGV[1]) and '1' or '0'
`
)

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

/**
 * The clock that the sessions of a user go by.
 *
 * KEYS: 1 his sessions, which lead to his node of a Cluster. Answers milliseconds since the epoch.
 */
export const nowScript = defineScript(1, `${sessionFunctions}return text(to_ms(clock()))`)

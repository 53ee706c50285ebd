import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'

// The scripts that only read. Those whose answer must include the latest write call require_master.

/**
 * Reads a session.
 *
 * KEYS: 1 the user's sessions.
 * ARGV: 1 sid.
 * Result: the session, or nil.
 */
export const getScript = defineScript(
  1,
  `${sessionFunctions}
local record = find_record(load_records(KEYS[1], read_clock()), ARGV[1])
if not record then return require_master(KEYS[1]) end
return to_reply(to_session(record))
`
)

/**
 * Checks whether a session is active. Only a master answers.
 *
 * KEYS: 1 the user's sessions.
 * ARGV: 1 sid.
 * Result: `1` or `0`.
 */
export const hasScript = defineScript(
  1,
  `${sessionFunctions}
require_master(KEYS[1])
return find_record(load_records(KEYS[1], read_clock()), ARGV[1]) and '1' or '0'
`
)

/**
 * Reads the active sessions of a user, oldest first.
 *
 * KEYS: 1 the user's sessions.
 * ARGV: 1 sub.
 * Result: a list of sessions.
 */
export const listScript = defineScript(
  1,
  `${sessionFunctions}
local replies = {}
for _, record in ipairs(load_records(KEYS[1], read_clock())) do
  local session = to_session(record)
  if session.sub == ARGV[1] then table.insert(replies, to_reply(session)) end
end
return replies
`
)

/**
 * Reads the clock that applies to the sessions of a user.
 *
 * KEYS: 1 the user's sessions. A Cluster routes the call by it.
 * ARGV: none.
 * Result: milliseconds since the epoch.
 */
export const nowScript = defineScript(1, `${sessionFunctions}return to_text(to_ms(read_clock()))`)

import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'

/**
 * Revokes a session.
 *
 * KEYS: 1 the user's sessions, 2 the session's denylist entry, 3 the saved result of this call.
 * ARGV: 1 sid, 2 reason.
 * Result: a list with the session, or an empty list if there was none to revoke.
 */
export const revokeScript = defineScript(
  3,
  `${sessionFunctions}
local saved = load_result(KEYS[3])
if saved then return saved end

local now_us = read_clock()
local records = load_records(KEYS[1], now_us)
local record, position = find_record(records, ARGV[1])
if not record then
  require_master(KEYS[1])
  return {}
end

table.remove(records, position)
save_records(KEYS[1], records, now_us, true)
deny(KEYS[2], ARGV[2], record.expires_ms, now_us)
return save_result(KEYS[3], {to_reply(to_session(record))})
`
)

import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'

/**
 * Revokes the sessions of a user.
 *
 * KEYS: 1 the user's sessions, 2 the saved result of this call, 3 the prefix of the user's denylist keys (a sid follows).
 * ARGV: 1 sub, 2 reason, 3 the sid of a session to keep or an empty string, 4 a time in ms: keep sessions created later.
 * Result: a list of the revoked sessions.
 */
export const revokeAllScript = defineScript(
  3,
  `${sessionFunctions}
local saved = load_result(KEYS[2])
if saved then return saved end

local now_us = read_clock()
local sub, reason, except, created_until_ms = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local function matches(session)
  if session.sub ~= sub or session.sid == except then return false end
  -- A creation time in the future was read before the clock was set back, so the session is not newer than the call.
  return session.created_us > now_us or to_ms(session.created_us) <= created_until_ms
end

local revoked, remaining = {}, {}
for _, record in ipairs(load_records(KEYS[1], now_us)) do
  local session = to_session(record)
  if matches(session) then
    table.insert(revoked, session)
  else
    table.insert(remaining, record)
  end
end
if #revoked == 0 then
  require_master(KEYS[1])
  return {}
end

save_records(KEYS[1], remaining, now_us, true)
local replies = {}
for _, session in ipairs(revoked) do
  deny(KEYS[3] .. session.sid, reason, session.expires_ms, now_us)
  table.insert(replies, to_reply(session))
end
return save_result(KEYS[2], replies)
`
)

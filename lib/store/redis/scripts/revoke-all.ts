import { defineScript } from '../run-script.js'
import { readField } from './layout.js'
import { prelude } from './session-functions.js'
import { requireMaster } from './session-lookup.js'

/**
 * Revokes the sessions of a user.
 *
 * KEYS: 1 the user's sessions, 2 the saved result of this call, 3 the prefix of the user's denylist keys (a sid follows).
 * ARGV: 1 sub, 2 tag, 3 reason, 4 the sid of a session to keep or an empty string, 5 a time in ms: keep sessions created
 * later.
 * Result: a list of the revoked sessions.
 */
export const revokeAllScript = defineScript(
  3,
  `${prelude}
local saved = load_result(KEYS[2])
if saved then return saved end

local sub, tag, reason, except, created_until_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5] + 0

local function matches(session)
  if session.sub ~= sub or tag .. session.suffix == except then return false end
  local created_us = ${readField('created_us', 'session.state')}
  -- A creation time in the future was read before the clock was set back, so the session is not newer than the call.
  return created_us > now_us or math.floor(created_us / 1000) <= created_until_ms
end

local revoked, remaining, replies = {}, {}, {}
for _, session in ipairs(load_sessions()) do
  if matches(session) then
    revoked[#revoked + 1], replies[#replies + 1] = session, to_reply(session)
  else
    remaining[#remaining + 1] = session
  end
end
if #revoked == 0 then
  ${requireMaster}
  return {}
end

accept_writes_when_full()
save_sessions(remaining)
for _, session in ipairs(revoked) do deny(KEYS[3] .. tag .. session.suffix, reason, session.expires_ms) end
return save_result(KEYS[2], replies)
`
)

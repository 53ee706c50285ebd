import { defineScript } from '../run-script.js'
import { prelude } from './session-functions.js'
import { requireMaster } from './session-lookup.js'

/**
 * Revokes sessions of one user.
 *
 * KEYS: 1 the user's sessions, 2 the saved result of this call, 3 the prefix of the user's denylist keys (a sid follows).
 * ARGV: 1 reason, 2 and later: sids.
 * Result: a list of the sessions that were active.
 */
export const revokeScript = defineScript(
  3,
  `${prelude}
local saved = load_result(KEYS[2])
if saved then return saved end

local sessions, revoked, replies = load_sessions(), {}, {}
for i = 2, #ARGV do
  local session, position = find_session(sessions, ARGV[i])
  if session then
    replies[#replies + 1] = to_reply(session)
    revoked[ARGV[i]] = session
    table.remove(sessions, position)
  end
end
if #replies == 0 then
  ${requireMaster}
  return {}
end

accept_writes_when_full()
save_sessions(sessions)
for sid, session in pairs(revoked) do deny(KEYS[3] .. sid, ARGV[1], session.expires_ms) end
return save_result(KEYS[2], replies)
`
)

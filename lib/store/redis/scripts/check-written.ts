import { defineScript } from '../run-script.js'
import { readField } from './layout.js'
import { prelude } from './session-functions.js'

/**
 * Checks that no failover has undone writes to sessions of one user. Then writes a marker for `WAIT`, which covers only the
 * writes of its own connection. A replica that has the marker also has all earlier writes. GETEX comes first, so that a full
 * Redis also accepts the marker.
 *
 * KEYS: 1 the user's sessions, 2 the marker, 3 the prefix of the user's denylist keys (a sid follows).
 * ARGV: 1 the generation that the session must have reached, or 0 if the sessions must be revoked, 2 and later: session ids.
 * Result: `written`, `undone`, or `revoked` and the reason if a session that must exist was revoked.
 */
export const checkWrittenScript = defineScript(
  3,
  `${prelude}
local sessions, min_gen = load_sessions(), ARGV[1] + 0

local function is_written(session)
  if min_gen == 0 then return not session end
  return session and ${readField('gen', 'session.state')} >= min_gen
end

for i = 2, #ARGV do
  local sid = ARGV[i]
  if not is_written(find_session(sessions, sid)) then
    local reason = min_gen > 0 and redis.call('GET', KEYS[3] .. sid)
    return reason and {'revoked', reason} or {'undone'}
  end
end
redis.call('GETEX', KEYS[2])
redis.call('SET', KEYS[2], '', 'PX', 1000)
return {'written'}
`
)

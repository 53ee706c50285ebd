import { defineScript } from '../run-script.js'
import { prelude } from './session-functions.js'
import { findPosition, readClock, readHeader, readSlot, readState, requireMaster } from './session-lookup.js'

// The scripts that only read.

/**
 * Reads a session.
 *
 * KEYS: 1 the user's sessions, 2 the session's denylist entry.
 * ARGV: 1 sid.
 * Result: the state and the texts, or nil.
 */
export const getScript = defineScript(
  2,

  `${readClock}${readHeader}${findPosition}
if position then
  ${readState}
  if expires_ms > now_ms then
    ${readSlot}
    local used_size = sub_size + identity_size + metadata_size
    return string.sub(state, state_begin, state_begin + STATE_SIZE - 1)
      .. string.sub(slot, slot_begin, slot_begin + used_size - 1)
  end
end
${requireMaster}
return false
`
)

/**
 * Checks whether a session is active. Only a master answers.
 *
 * KEYS: 1 the user's sessions, 2 the session's denylist entry.
 * ARGV: 1 sid.
 * Result: `1` or `0`.
 */
export const hasScript = defineScript(
  2,

  `${requireMaster}
${readClock}${readHeader}${findPosition}
if not position then return '0' end
${readState}
return expires_ms > now_ms and '1' or '0'
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
  `${prelude}
local replies = {}
for _, session in ipairs(load_sessions()) do
  if session.sub == ARGV[1] then replies[#replies + 1] = to_reply(session) end
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
export const nowScript = defineScript(1, `${readClock}return string.format('%.0f', now_ms)`)

import { defineScript } from '../run-script.js'
import { OFFSETS } from './layout.js'
import { sessionFunctions } from './session-functions.js'
import { findPosition, readClock, readHeader, readSlot, readState, requireMaster } from './session-lookup.js'

/**
 * Replaces lines of the identity of a session, see `session-serialization.ts`.
 *
 * KEYS: 1 the user's sessions, 2 the session's denylist entry.
 * ARGV: 1 sid, then the lines 2 claims, 3 name, 4 authentication without its time: `=` and the new line, or an empty string to
 * keep the line.
 * Result: the session, or nil.
 */
export const updateScript = defineScript(
  2,

  `local CLAIMS, NAME, AUTHENTICATION = 3, 4, 5
${readClock}${readHeader}${findPosition}
if not position then
  ${requireMaster}
  return false
end
${readState}
if expires_ms <= now_ms then
  ${requireMaster}
  return false
end
${readSlot}
${sessionFunctions}
local metadata_begin = slot_begin + sub_size + identity_size
local sub = string.sub(slot, slot_begin, slot_begin + sub_size - 1)
local identity = string.sub(slot, slot_begin + sub_size, metadata_begin - 1)
local request_metadata = string.sub(slot, metadata_begin, metadata_begin + metadata_size - 1)

local lines = {}
for line in string.gmatch(identity .. '\\n', '([^\\n]*)\\n') do lines[#lines + 1] = line end
local function replace(at, value, prefix)
  if value ~= '' then lines[at] = prefix .. string.sub(value, 2) end
end
replace(CLAIMS, ARGV[2], '')
replace(NAME, ARGV[3], '')
replace(AUTHENTICATION, ARGV[4], string.format('%.0f ', now_ms))

local texts = sub .. table.concat(lines, '\\n') .. request_metadata
if #texts > MAX_SLOT_SIZE then error('FRT session too large') end
local sessions = load_sessions()
local session = find_session(sessions, ARGV[1])
session.state = string.sub(session.state, 1, ${OFFSETS.identity_size})
  .. struct.pack('>I2', #texts - sub_size - metadata_size) .. string.sub(session.state, ${OFFSETS.metadata_size + 1})
-- A slot never becomes smaller. Zeros overwrite the rest, so that a removed name does not stay in Redis.
session.slot = texts .. string.rep('\\0', slot_size - #texts)
session.used_size = #texts
save_sessions(sessions)
return to_reply(session)
`
)

import { defineScript } from '../run-script.js'
import { OFFSETS } from './layout.js'
import { sessionFunctions } from './session-functions.js'
import {
  findPosition,
  readActiveState,
  readClock,
  readHeader,
  readSlot,
  requireMaster
} from './session-lookup.js'

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
${readActiveState}
${readSlot}
local used_begin, metadata_begin = slot_begin + sub_size, slot_begin + sub_size + identity_size
local used = string.sub(slot, used_begin, metadata_begin + metadata_size - 1)
local sub = string.sub(slot, slot_begin, used_begin - 1)

local lines = {}
for line in string.gmatch(string.sub(slot, used_begin, metadata_begin - 1) .. '\\n', '([^\\n]*)\\n') do
  lines[#lines + 1] = line
end
if ARGV[2] ~= '' then lines[CLAIMS] = string.sub(ARGV[2], 2) end
if ARGV[3] ~= '' then lines[NAME] = string.sub(ARGV[3], 2) end
if ARGV[4] ~= '' then lines[AUTHENTICATION] = string.format('%.0f ', now_ms) .. string.sub(ARGV[4], 2) end

local identity = table.concat(lines, '\\n')
local new_used = identity .. string.sub(slot, metadata_begin, metadata_begin + metadata_size - 1)
local new_size = sub_size + #new_used
local new_state = string.sub(state, state_begin, state_begin + ${OFFSETS.identity_size} - 1)
  .. struct.pack('>I2', #identity)
  .. string.sub(state, state_begin + ${OFFSETS.metadata_size}, state_begin + STATE_SIZE - 1)

if new_used == used then
  ${requireMaster}
elseif new_size <= slot_size then
  -- Zeros overwrite the rest, so that a removed name does not stay in Redis.
  redis.call('SETRANGE', KEYS[1], slot_at + sub_size, new_used .. string.rep('\\0', slot_size - new_size))
  redis.call('SETRANGE', KEYS[1], state_at, new_state)
else
  if new_size > MAX_SLOT_SIZE then error('FRT session too large') end
  ${sessionFunctions}
  local sessions = load_sessions()
  local session = find_session(sessions, ARGV[1])
  session.state, session.slot = new_state, sub .. new_used
  save_sessions(sessions)
end
return suffix .. new_state .. sub .. new_used
`
)

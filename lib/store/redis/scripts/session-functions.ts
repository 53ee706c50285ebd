import { HEADER, OFFSETS, SLOT } from './layout.js'
import { readClock, readHeader, requireMaster } from './session-lookup.js'

/**
 * Lua functions for scripts that read or write all sessions of a user, and for the rare branches of the others. They use the
 * variables of `readClock` and `readHeader`. KEYS[2] is as in `requireMaster`.
 *
 * Users with equal tags share a string, so a script that looks for the sessions of a user also compares the sub.
 */
export const sessionFunctions = `
local RESULT_TTL_MS = 60000

-- After the first write command of a script, a full Redis no longer rejects the others. GETEX is one and changes nothing.
local function accept_writes_when_full()
  ${requireMaster}
end

-- Returns the active sessions: suffix, bytes of the state, slot, sub, expiry, and how many bytes of the slot are used.
local function load_sessions()
  local sessions = {}
  local all = #head < HEAD_SIZE and head or redis.call('GET', KEYS[1])
  for i = 0, count - 1 do
    local suffix_at, state_at = HEADER_SIZE + i * SUFFIX_SIZE, states_at + i * STATE_SIZE
    local ${SLOT.variables} = struct.unpack('${SLOT.format}', all, state_at + ${OFFSETS.slot_offset + 1})
    local slot_at = slots_at + slot_offset
    if expires_ms > now_ms then
      sessions[#sessions + 1] = {
        suffix = string.sub(all, suffix_at + 1, suffix_at + SUFFIX_SIZE),
        state = string.sub(all, state_at + 1, state_at + STATE_SIZE),
        slot = string.sub(all, slot_at + 1, slot_at + slot_size),
        sub = string.sub(all, slot_at + 1, slot_at + sub_size),
        expires_ms = expires_ms,
        used_size = sub_size + identity_size + metadata_size
      }
    end
  end
  return sessions
end

local function find_session(sessions, sid)
  local suffix = string.sub(sid, -SUFFIX_SIZE)
  for i, session in ipairs(sessions) do
    if session.suffix == suffix then return session, i end
  end
end

-- Writes all sessions of the user.
local function save_sessions(sessions)
  if #sessions == 0 then return redis.call('DEL', KEYS[1]) end
  local suffixes, states, slots = {}, {}, {}
  local slot_offset, first_expires_ms, last_expires_ms = 0, math.huge, 0
  for i, session in ipairs(sessions) do
    local state = session.state
    suffixes[i], slots[i] = session.suffix, session.slot
    states[i] = string.sub(state, 1, ${OFFSETS.slot_offset}) .. struct.pack('>I4I2', slot_offset, #session.slot)
      .. string.sub(state, ${OFFSETS.sub_size + 1})
    slot_offset = slot_offset + #session.slot
    first_expires_ms = math.min(first_expires_ms, session.expires_ms)
    last_expires_ms = math.max(last_expires_ms, session.expires_ms)
  end
  local header = struct.pack('${HEADER}', FORMAT, #sessions, first_expires_ms)
  local bytes = header .. table.concat(suffixes) .. table.concat(states) .. table.concat(slots)
  redis.call('SET', KEYS[1], bytes, 'PX', math.ceil(last_expires_ms / HOUR_MS) * HOUR_MS - now_ms)
end

-- Returns a session as a reply. Another release may store a session that this one cannot read.
local function to_reply(session)
  if string.byte(session.state) > 3 then error('FRT unsupported session format') end
  return session.suffix .. session.state .. string.sub(session.slot, 1, session.used_size)
end

-- Adds a session to the denylist until its last token has expired.
local function deny(key, reason, expires_ms)
  if expires_ms > now_ms then redis.call('SET', key, reason, 'PX', expires_ms - now_ms) end
end

-- Saves the sessions that a call revoked, for a repeated call with the same idempotency key.
local function save_result(key, revoked)
  if #revoked > 0 then redis.call('SET', key, cmsgpack.pack(revoked), 'PX', RESULT_TTL_MS) end
  return revoked
end

local function load_result(key)
  local result = redis.call('GET', key)
  return result and cmsgpack.unpack(result)
end
`

/** The beginning of a script that reads or writes all sessions of a user. */
export const prelude = readClock + readHeader + sessionFunctions

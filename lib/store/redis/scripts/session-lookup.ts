import { CHANGING, FORMAT, HEADER, HEADER_SIZE, OFFSETS, STATE, STATE_SIZE, SUFFIX_SIZE } from './layout.js'

// Lua texts that find one session without reading the others. They are no functions, because Lua would create each function
// again at every call. Variables are named like the fields in layout.ts. KEYS[1] holds the sessions of the user. Names with
// `_at` are positions in the key, from 0. Names with `_begin` are positions in a string that was read, from 1.

/** Reads the clock into `now_us` and `now_ms`. */
export const readClock = `
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now_ms = (now_us - now_us % 1000) / 1000
`

/**
 * Fails on a replica, which may lag, because GETEX is a write command. It changes nothing. Scripts that return without another
 * write call it. KEYS[2] is a key that seldom exists, because GETEX reads the whole value.
 */
export const requireMaster = `redis.call('GETEX', KEYS[2])`

/** Reads the header. `head` is then the first kilobyte, which is all of most users' sessions. */
export const readHeader = `
local FORMAT = ${FORMAT}
local HEADER_SIZE, SUFFIX_SIZE, STATE_SIZE = ${HEADER_SIZE}, ${SUFFIX_SIZE}, ${STATE_SIZE}
local HEAD_SIZE, MAX_SLOT_SIZE = 1024, 65535
local HOUR_MS, NON_PERSISTENT_IDLE_MS = 3600000, 86400000
local head = redis.call('GETRANGE', KEYS[1], 0, HEAD_SIZE - 1)
local count, prune_at_ms = 0, math.huge
if head ~= '' then
  local format
  format, count, prune_at_ms = struct.unpack('${HEADER}', head)
  -- An error is answered with 503. A wrong guess at another format could log users out.
  if format ~= FORMAT then error('FRT unsupported session format') end
end
local states_at = HEADER_SIZE + count * SUFFIX_SIZE
local slots_at = states_at + count * STATE_SIZE
`

/** Looks for the sid ARGV[1]. `position` counts from 0, and is nil if there is no such session. */
export const findPosition = `
local suffix, suffixes, position = string.sub(ARGV[1], -SUFFIX_SIZE), head, nil
if states_at > #head then suffixes = redis.call('GETRANGE', KEYS[1], 0, states_at - 1) end
local found_at = string.find(suffixes, suffix, HEADER_SIZE + 1, true)
while found_at and found_at <= states_at do
  local distance = found_at - HEADER_SIZE - 1
  if distance % SUFFIX_SIZE == 0 then
    position = distance / SUFFIX_SIZE
    break
  end
  found_at = string.find(suffixes, suffix, found_at + 1, true)
end
`

/** Reads the fields of the session at `position`. Its bytes are then in `state`, from `state_begin` on. */
export const readState = `
local state_at = states_at + position * STATE_SIZE
local state, state_begin = head, state_at + 1
if state_at + STATE_SIZE > #head then
  state, state_begin = redis.call('GETRANGE', KEYS[1], state_at, state_at + STATE_SIZE - 1), 1
end
local ${STATE.variables} = struct.unpack('${STATE.format}', state, state_begin)
if flags > 3 then error('FRT unsupported session format') end
`

/** Like `readState`. Returns nil if the session is unknown or has expired. Only a master says so. */
export const readActiveState = `
if not position then
  ${requireMaster}
  return false
end
${readState}
if expires_ms <= now_ms then
  ${requireMaster}
  return false
end
`

/** Reads the texts of the session into `slot`, from `slot_begin` on. */
export const readSlot = `
local slot_at = slots_at + slot_offset
local slot, slot_begin = head, slot_at + 1
if slot_at + slot_size > #head then
  slot, slot_begin = redis.call('GETRANGE', KEYS[1], slot_at, slot_at + slot_size - 1), 1
end
`

/** Replaces stored times in the future with the current time. They occur if the clock of a new master is behind. */
export const clampTimes = `
local last_time_us = math.max(created_us, issued_at_us, confirmed_at_us, previous_issued_at_us, previous_confirmed_at_us)
local was_clamped = last_time_us > now_us
if was_clamped then
  created_us, issued_at_us, confirmed_at_us =
    math.min(created_us, now_us), math.min(issued_at_us, now_us), math.min(confirmed_at_us, now_us)
  previous_issued_at_us, previous_confirmed_at_us =
    math.min(previous_issued_at_us, now_us), math.min(previous_confirmed_at_us, now_us)
end
`

/** An expression: all fields as bytes. */
export const packState = `struct.pack('${STATE.format}', ${STATE.variables})`

/** An expression: the fields that a refresh changes, as bytes. */
export const packChanges = `struct.pack('${CHANGING.format}', ${CHANGING.variables})`

/** Where the fields that a refresh changes begin in a state. */
export const CHANGING_AT = OFFSETS.metadata_size

/** An expression: the other fields, as they were read. */
export const unchangedState = `string.sub(state, state_begin, state_begin + ${CHANGING_AT - 1})`

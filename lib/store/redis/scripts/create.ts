import { defineScript } from '../run-script.js'
import { HEADER } from './layout.js'
import { sessionFunctions } from './session-functions.js'
import { findPosition, packState, readClock, readHeader } from './session-lookup.js'

/**
 * Creates a session, and evicts the user's oldest sessions beyond the limit.
 *
 * KEYS: 1 the user's sessions, 2 the saved result of this call, 3 the prefix of the user's denylist keys (a sid follows).
 * ARGV: 1 sid, 2 sub, 3 absolute lifetime in ms, 4 idle timeout in ms, 5 flags of the state, 6 identity, 7 request metadata,
 * 8 maximum number of sessions, 9 evicts (1 or 0), 10 deadline in ms or an empty string, 11 and later: sids that this login
 * replaces.
 * Result: a list of the outcome and the evicted sessions, or all sessions if the limit was reached. The outcome is 1 byte, the
 * clock in ms, and the session if it was created, or the reason if it was revoked.
 */
export const createScript = defineScript(
  3,
  `local CREATED, REVOKED, DEADLINE_EXCEEDED, LIMIT_REACHED = 1, 2, 3, 4
local sid, sub, identity, request_metadata = ARGV[1], ARGV[2], ARGV[6], ARGV[7]
local flags, idle_ms, max_per_user, deadline_ms = ARGV[5] + 0, ARGV[4] + 0, ARGV[8] + 0, tonumber(ARGV[10]) or math.huge
${readClock}${readHeader}${findPosition}
local function to_outcome(outcome)
  return struct.pack('>BI6', outcome, now_ms)
end

-- The session was revoked before this call arrived.
local reason = redis.call('GET', KEYS[3] .. sid)
if reason then return {to_outcome(REVOKED) .. reason} end

if position then
  ${sessionFunctions}
  local existing = find_session(load_sessions(), sid)
  if existing then
    local replies = load_result(KEYS[2]) or {}
    table.insert(replies, 1, to_outcome(CREATED) .. to_reply(existing))
    return replies
  end
end

-- The caller has already reported a failed login, so no session is evicted for it.
if now_ms > deadline_ms then return {to_outcome(DEADLINE_EXCEEDED)} end

local slot = sub .. identity .. request_metadata
if #slot > MAX_SLOT_SIZE then error('FRT session too large') end
local slot_offset, slot_size, sub_size, identity_size, metadata_size = 0, #slot, #sub, #identity, #request_metadata
local gen, created_us, issued_us = 1, now_us, 0
local issued_at_us, rotated_from_us, confirmed_at_us = 0, 0, now_us
local previous_issued_at_us, previous_rotated_from_us, previous_confirmed_at_us = 0, 0, 0
local last_idempotency_key, last_issued_us, last_row = '        ', 0, 0
local absolute_expires_ms = now_ms + ARGV[3]
if flags % 2 == 0 then idle_ms = math.min(idle_ms, NON_PERSISTENT_IDLE_MS) end
local expires_ms = math.min(now_ms + idle_ms, absolute_expires_ms)

-- The usual login evicts and removes nothing: the session is added without unpacking the others.
if count < max_per_user and now_ms < prune_at_ms then
  local all = #head < HEAD_SIZE and head or redis.call('GET', KEYS[1])
  slot_offset = math.max(0, #all - slots_at)
  local state = ${packState}
  local header = struct.pack('${HEADER}', FORMAT, count + 1, math.min(prune_at_ms, expires_ms))
  local suffixes, states = string.sub(all, HEADER_SIZE + 1, states_at), string.sub(all, states_at + 1, slots_at)
  local slots = string.sub(all, slots_at + 1)
  local ttl_ms = math.max(math.ceil(expires_ms / HOUR_MS) * HOUR_MS - now_ms, redis.call('PTTL', KEYS[1]))
  redis.call('SET', KEYS[1], header .. suffixes .. suffix .. states .. state .. slots .. slot, 'PX', ttl_ms)
  return {to_outcome(CREATED) .. suffix .. state .. slot}
end

${sessionFunctions}
local sessions, others, is_replaced = load_sessions(), {}, {}
for i = 11, #ARGV do is_replaced[string.sub(ARGV[i], -SUFFIX_SIZE)] = true end
for _, other in ipairs(sessions) do
  if other.sub == sub and not is_replaced[other.suffix] then others[#others + 1] = other end
end

if ARGV[9] == '0' and #others >= max_per_user then
  local replies = {to_outcome(LIMIT_REACHED)}
  for i, other in ipairs(others) do replies[i + 1] = to_reply(other) end
  return replies
end

local evicted, is_evicted, replies = {}, {}, {}
for i = 1, #others + 1 - max_per_user do
  evicted[i], replies[i] = others[i], to_reply(others[i])
  is_evicted[others[i].suffix] = true
end

local remaining = {}
for _, session in ipairs(sessions) do
  if not is_evicted[session.suffix] then remaining[#remaining + 1] = session end
end
local created = {suffix = suffix, state = ${packState}, slot = slot, expires_ms = expires_ms, used_size = #slot}
remaining[#remaining + 1] = created

-- The first write, with all changes to sessions at once. A full Redis rejects it, and no session is evicted.
save_sessions(remaining)
local tag = string.sub(sid, 1, -SUFFIX_SIZE - 1)
for _, other in ipairs(evicted) do deny(KEYS[3] .. tag .. other.suffix, 'evicted', other.expires_ms) end
save_result(KEYS[2], replies)
table.insert(replies, 1, to_outcome(CREATED) .. to_reply(created))
return replies
`
)

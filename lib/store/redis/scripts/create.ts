import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'

/**
 * Creates a session, and evicts the user's oldest sessions beyond the limit.
 *
 * KEYS: 1 the user's sessions, 2 the saved result of this call, 3 the prefix of the user's denylist keys (a sid follows).
 * ARGV: 1 sid, 2 sub, 3 absolute lifetime in ms, 4 idle timeout in ms, 5 remember (1 or 0), 6 identity, 7 request metadata,
 * 8 maximum number of sessions, 9 deadline in ms or an empty string, 10 and later: sids that this login replaces.
 * Result: `created`, clock in ms, session, evicted sessions; or `revoked`, reason; or `deadline-exceeded`, clock in ms.
 */
export const createScript = defineScript(
  3,
  `${sessionFunctions}
local sessions_key, result_key, denylist_prefix = KEYS[1], KEYS[2], KEYS[3]
local sid, sub, deadline_ms = ARGV[1], ARGV[2], tonumber(ARGV[9]) or math.huge
local now_us = read_clock()
local now_ms = to_ms(now_us)

-- The session was revoked before this call arrived.
local reason = redis.call('GET', denylist_prefix .. sid)
if reason then return {'revoked', reason} end

local records = load_records(sessions_key, now_us)
local existing = find_record(records, sid)
if existing then
  return {'created', to_text(now_ms), to_reply(to_session(existing)), load_result(result_key) or {}}
end

-- The caller has already reported a failed login, so no session is evicted for it.
if now_ms > deadline_ms then return {'deadline-exceeded', to_text(now_ms)} end

local session = {
  sid = sid, remember = tonumber(ARGV[5]), gen = 1, created_us = now_us,
  absolute_expires_ms = now_ms + tonumber(ARGV[3]), issued_us = 0,
  issued_at_us = 0, rotated_from_us = 0, confirmed_at_us = now_us,
  previous_issued_at_us = 0, previous_rotated_from_us = 0, previous_confirmed_at_us = 0,
  last_idempotency_key = '        ', last_issued_us = 0, last_row = 0,
  sub = sub, identity = ARGV[6], request_metadata = ARGV[7]
}
session.expires_ms = idle_expiry(session, tonumber(ARGV[4]), now_us)

local is_replaced = {}
for i = 10, #ARGV do is_replaced[ARGV[i]] = true end
local others = {}
for _, record in ipairs(records) do
  local other = to_session(record)
  if other.sub == sub and not is_replaced[other.sid] then table.insert(others, other) end
end

local evicted, is_evicted = {}, {}
for i = 1, #others + 1 - tonumber(ARGV[8]) do
  table.insert(evicted, others[i])
  is_evicted[others[i].sid] = true
end

local remaining = {}
for _, record in ipairs(records) do
  if not is_evicted[record.sid] then table.insert(remaining, record) end
end
table.insert(remaining, to_record(session))

-- The first write, with all changes to sessions at once. A full Redis rejects it, and no session is evicted.
save_records(sessions_key, remaining, now_us)
local replies = {}
for _, other in ipairs(evicted) do
  deny(denylist_prefix .. other.sid, 'evicted', other.expires_ms, now_us)
  table.insert(replies, to_reply(other))
end
return {'created', to_text(now_ms), to_reply(session), save_result(result_key, replies)}
`
)

import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session.js'

/**
 * Starts a session, then evicts the user's oldest beyond the limit.
 *
 * KEYS: 1 the user's index, 2 the answer to this operation, 3 and 4 the start of the keys of his
 * sessions and of his blacklist: a sid is appended, and all of them lie in one slot.
 * ARGV: 1 sid, 2 absolute lifetime in ms, 3 idle lifetime in ms, 4 remember (1 or 0), 5 identity,
 * 6 metadata, 7 how many sessions he may have, 8 and on sids that are about to end for it.
 * Answers: `created`, now in ms, the session, the sessions that it evicted; or `revoked`, the reason.
 */
export const createScript = defineScript(
  4,
  `${sessionFunctions}
local index, answer = KEYS[1], KEYS[2]
local function session_key(sid) return KEYS[3] .. sid end
local function blacklist_key(sid) return KEYS[4] .. sid end
local sid = ARGV[1]
local now = clock()

-- The session was ended before it began: this call comes late.
local reason = redis.call('GET', blacklist_key(sid))
if reason then return {'revoked', reason} end

local s = load_session(session_key(sid))
if s then return {'created', text(to_ms(now)), view(sid, s, now), recall_answer(answer) or {}} end

s = {
  remember = tonumber(ARGV[4]), gen = 1, created = now, ends = to_ms(now) + tonumber(ARGV[2]), issued = 0,
  minted = 0, by = 0, confirmed = now,
  minted_before = 0, by_before = 0, confirmed_before = 0,
  last_operation = '        ', last_issued = 0, last_row = 0,
  identity = ARGV[5], metadata = ARGV[6]
}
s.ttl = idle_ttl(s, tonumber(ARGV[3]), now)

-- The session first: it is what a full Redis refuses, and then nobody was evicted for it.
save_session(session_key(sid), s)

redis.call('ZREMRANGEBYSCORE', index, '-inf', text(to_ms(now)))
local replaced = {}
for i = 8, #ARGV do replaced[ARGV[i]] = true end
local others = {}
for _, other in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  if redis.call('EXISTS', session_key(other)) == 0 then
    redis.call('ZREM', index, other)
  elseif not replaced[other] then
    table.insert(others, other)
  end
end

local evicted = {}
local excess = #others + 1 - tonumber(ARGV[7])
if excess > 0 then
  local by_age = {}
  for _, other in ipairs(others) do
    table.insert(by_age, {sid = other, session = load_session(session_key(other))})
  end
  table.sort(by_age, function (a, b) return a.session.created < b.session.created end)
  for i = 1, excess do
    local other = by_age[i]
    end_session(session_key(other.sid), blacklist_key(other.sid), other.session, 'evicted')
    redis.call('ZREM', index, other.sid)
    table.insert(evicted, view(other.sid, other.session, now))
  end
end

redis.call('ZADD', index, text(s.ends), sid)
local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', index, text(tonumber(last[2])))

return {'created', text(to_ms(now)), view(sid, s, now), remember_answer(answer, evicted)}
`
)

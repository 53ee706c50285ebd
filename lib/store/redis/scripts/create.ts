import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'

/**
 * Starts a session, and evicts the user's oldest beyond the limit.
 *
 * KEYS: 1 the user's sessions, 2 the answer to this operation, 3 the start of the keys of his blacklist:
 * a sid is appended.
 * ARGV: 1 sid, 2 sub, 3 absolute lifetime in ms, 4 idle lifetime in ms, 5 remember (1 or 0), 6 identity,
 * 7 metadata, 8 how many sessions he may have, 9 the deadline in ms, or nothing, 10 and on sids that are about
 * to end for it.
 * Answers: `created`, now in ms, the session, the sessions that it evicted; `revoked`, the reason; or `late`,
 * now in ms.
 */
export const createScript = defineScript(
  3,
  `${sessionFunctions}
local key, answer, blacklist = KEYS[1], KEYS[2], KEYS[3]
local sid, sub = ARGV[1], ARGV[2]
local now = clock()

-- The session was ended before it began: this call comes late.
local reason = redis.call('GET', blacklist .. sid)
if reason then return {'revoked', reason} end

local records = load_records(key, now)
local own = find_record(records, sid)
if own then return {'created', text(to_ms(now)), view(open_record(own)), recall_answer(answer) or {}} end

-- Whoever asked has been told that there is no session: none is evicted for it.
if to_ms(now) > (tonumber(ARGV[9]) or math.huge) then return {'deadline-exceeded', text(to_ms(now))} end

local s = {
  sid = sid, remember = tonumber(ARGV[5]), gen = 1, created = now, ends = to_ms(now) + tonumber(ARGV[3]),
  issued = 0, minted = 0, by = 0, confirmed = now,
  minted_before = 0, by_before = 0, confirmed_before = 0,
  last_operation = '        ', last_issued = 0, last_row = 0,
  sub = sub, identity = ARGV[6], metadata = ARGV[7]
}
s.expires = idle_end(s, tonumber(ARGV[4]), now)

local does_not_count = {}
for i = 10, #ARGV do does_not_count[ARGV[i]] = true end
local others = {}
for _, record in ipairs(records) do
  local other = open_record(record)
  if other.sub == sub and not does_not_count[other.sid] then table.insert(others, other) end
end

local evicted, is_evicted = {}, {}
for i = 1, #others + 1 - tonumber(ARGV[8]) do
  table.insert(evicted, others[i])
  is_evicted[others[i].sid] = true
end

local left = {}
for _, record in ipairs(records) do
  if not is_evicted[record.sid] then table.insert(left, record) end
end
table.insert(left, to_record(s))

-- All at once: it is what a full Redis refuses, and then nobody was evicted for it.
save_records(key, left, now)
local views = {}
for _, other in ipairs(evicted) do
  forbid(blacklist .. other.sid, 'evicted', other.expires, now)
  table.insert(views, view(other))
end
return {'created', text(to_ms(now)), view(s), remember_answer(answer, views)}
`
)

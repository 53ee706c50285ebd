import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'

/**
 * The rule of rotation: what a refresh token is worth. `rotation-rule.ts` is the same in TypeScript.
 *
 * KEYS: 1 the user's sessions, 2 the session's entry in the blacklist.
 * ARGV: 1 sid, 2 operation, 3 metadata or nothing, 4 numbers: the token's generation, its time of issue in µs
 * since the session began, the grace in µs, the idle lifetime in ms, and (1 or 0) untilConfirmed, whether
 * any rollback is accepted, and whether to ask before a replay; 5 and 6, or nothing, what the process
 * knows: why the session ended, and until when its tokens could live, in ms.
 * Answers: `rotated` or `replayed`, the row, now in ms and the copy's time of issue, the session;
 * `replayable`, `reused` or `rolled-back`, the row, the session; `exhausted`, 0, the session;
 * `revoked`, the reason; `unknown`.
 */
export const rotateScript = defineScript(
  2,
  `${sessionFunctions}
local key, blacklist = KEYS[1], KEYS[2]
local sid = ARGV[1]
local operation, metadata, known, known_until = ARGV[2], ARGV[3], ARGV[5], tonumber(ARGV[6] or 0)
local g, i, W, idle, until_confirmed, accepts, asks =
  string.match(ARGV[4], '^(%d+) (%d+) (%d+) (%d+) (%d) (%d) (%d)$')
g, i, W, idle = tonumber(g), tonumber(i), tonumber(W), tonumber(idle)
local now = clock()
local records = load_records(key, now)
local record, position = find_record(records, sid)

-- 1: the session ended. What a failover lost is written again, what it brought back is deleted.
local reason = redis.call('GET', blacklist)
if reason or known then
  if record then
    table.remove(records, position)
    save_records(key, records, now, true)
  end
  local expires = math.max(record and record.expires or 0, known_until)
  if not reason then forbid(blacklist, known, expires, now) end
  return {'revoked', reason or known}
end

-- 2: there is no session.
if not record then
  ask_master(key)
  return {'unknown'}
end
local s = open_record(record)
clamp(s, now)

local function save()
  records[position] = to_record(s)
  save_records(key, records, now)
end

local function report(outcome, row)
  ask_master(key)
  return {outcome, text(row), view(s)}
end

local function issue(outcome, row, issued)
  return {outcome, string.format('%.0f %.0f %.0f', row, to_ms(now), issued), view(s)}
end

if s.last_operation == operation then return issue('rotated', s.last_row, s.last_issued) end

local function is_within(span, since)
  return since > 0 and now - since < span
end

local function rests()
  if s.minted == 0 then return false end
  return is_within(3 * W, s.confirmed > 0 and s.confirmed or math.min(s.created + s.issued, now))
end

-- The rotation that retired g minted its successor: it is kept for the last two.
local function retirement()
  if g == s.gen - 1 then return s.minted, s.by, s.confirmed end
  if g == s.gen - 2 then return s.minted_before, s.by_before, s.confirmed_before end
  return 0, 0, 0
end

local function judge()
  if g == s.gen then return rests() and 3 or 4 end
  if g < s.gen then
    local minted, by, confirmed = retirement()
    local retired = confirmed
    if until_confirmed == '0' and minted > 0 then retired = minted end
    if minted > 0 and by ~= i and minted - (s.created + i) >= 2 * W then return 5 end
    if g == s.gen - 1 and until_confirmed == '1' and s.confirmed == 0 then return 6 end
    if is_within(W, retired) then return 7 end
    return 8
  end
  return g == s.gen + 1 and 9 or 10
end

local function confirm()
  if s.confirmed > 0 then return false end
  s.confirmed = now
  return true
end

local function next_copy()
  s.issued = math.max(now - s.created, s.issued + 1)
  return s.issued
end

local row = judge()

if row == 3 then
  if confirm() or s.was_ahead then save() else ask_master(key) end
  return issue('replayed', row, i)
end
if row == 5 or row == 8 then return report('reused', row) end
if row == 6 or row == 7 then
  if asks == '1' then return report('replayable', row) end
  next_copy()
  save()
  return issue('replayed', row, s.issued)
end
if row == 10 and accepts == '0' then return report('rolled-back', row) end

-- 4, 9 and 10: g is the current generation, and gives way to its successor.
if g >= 4294967295 then return report('exhausted', 0) end
if row == 4 then
  confirm()
  s.minted_before, s.by_before, s.confirmed_before = s.minted, s.by, s.confirmed
else
  s.minted_before, s.by_before, s.confirmed_before = 0, 0, now
  -- A copy that the store had lost was issued, too: the next is later.
  s.issued = math.max(s.issued, i)
end
s.gen = g + 1
s.minted, s.by, s.confirmed = now, i, 0
s.last_operation, s.last_issued, s.last_row = operation, next_copy(), row
s.expires = idle_end(s, idle, now)
if metadata ~= '' then s.metadata = metadata end
save()
return issue('rotated', row, s.issued)
`
)

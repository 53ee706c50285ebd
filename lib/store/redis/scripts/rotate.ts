import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'

/**
 * Applies the rotation rule to a refresh token. `rotation-rule.ts` implements the same rule in TypeScript, in the same
 * order and with the same names.
 *
 * KEYS: 1 the user's sessions, 2 the session's denylist entry.
 * ARGV: 1 sid, 2 idempotency key, 3 request metadata or an empty string, 4 numbers, separated by spaces: the token's
 * generation, its time of issue in µs since the session was created, the grace period in µs, the idle timeout in ms, and
 * three flags (1 or 0): until_confirmed, accept_rollback, report_replayable. 5 and 6, optional: the reason of a revocation
 * that the process has seen, and when the last token of the session expires, in ms.
 * Result: `rotated` or `replayed`, a string of row, clock in ms and time of issue of the copy, session; or `replayable`,
 * `reused` or `rolled-back`, row, session; or `exhausted`, 0, session; or `revoked`, reason; or `unknown`.
 */
export const rotateScript = defineScript(
  2,
  `${sessionFunctions}
local MAX_GENERATION = 4294967295

local sessions_key, denylist_key = KEYS[1], KEYS[2]
local sid, idempotency_key, request_metadata = ARGV[1], ARGV[2], ARGV[3]
local known_reason, known_expires_ms = ARGV[5], tonumber(ARGV[6] or 0)
local gen, issued_us, grace_us, idle_ms, until_confirmed, accept_rollback, report_replayable =
  string.match(ARGV[4], '^(%d+) (%d+) (%d+) (%d+) (%d) (%d) (%d)$')
local presented = {gen = tonumber(gen), issued_us = tonumber(issued_us)}
grace_us, idle_ms = tonumber(grace_us), tonumber(idle_ms)
until_confirmed, accept_rollback, report_replayable =
  until_confirmed == '1', accept_rollback == '1', report_replayable == '1'
local now_us = read_clock()
local records = load_records(sessions_key, now_us)
local record, position = find_record(records, sid)

-- Row 1: the session was revoked. If a failover lost the revocation, write it again. If it restored the session, delete it.
local reason = redis.call('GET', denylist_key)
if reason or known_reason then
  if record then
    table.remove(records, position)
    save_records(sessions_key, records, now_us, true)
  end
  local expires_ms = math.max(record and record.expires_ms or 0, known_expires_ms)
  if not reason then deny(denylist_key, known_reason, expires_ms, now_us) end
  return {'revoked', reason or known_reason}
end

-- Row 2: there is no session.
if not record then
  require_master(sessions_key)
  return {'unknown'}
end
local session = to_session(record)
clamp_times(session, now_us)

local function save()
  records[position] = to_record(session)
  save_records(sessions_key, records, now_us)
end

local function report(outcome, row)
  require_master(sessions_key)
  return {outcome, to_text(row), to_reply(session)}
end

local function issue(outcome, row, copy_issued_us)
  return {outcome, string.format('%.0f %.0f %.0f', row, to_ms(now_us), copy_issued_us), to_reply(session)}
end

if session.last_idempotency_key == idempotency_key then
  return issue('rotated', session.last_row, session.last_issued_us)
end

local function is_within(span_us, since_us)
  return since_us > 0 and now_us - since_us < span_us
end

local function is_in_cooldown()
  if session.issued_at_us == 0 then return false end
  local since_us = session.confirmed_at_us
  if since_us == 0 then since_us = math.min(session.created_us + session.issued_us, now_us) end
  return is_within(3 * grace_us, since_us)
end

-- Returns the record of the generation that replaced the presented one: issued_at_us, rotated_from_us, confirmed_at_us.
local function retirement_of(gen)
  if gen == session.gen - 1 then
    return session.issued_at_us, session.rotated_from_us, session.confirmed_at_us
  end
  if gen == session.gen - 2 then
    return session.previous_issued_at_us, session.previous_rotated_from_us, session.previous_confirmed_at_us
  end
  return 0, 0, 0
end

local function is_diverged_copy(issued_at_us, rotated_from_us)
  if issued_at_us == 0 or rotated_from_us == presented.issued_us then return false end
  return issued_at_us - (session.created_us + presented.issued_us) >= 2 * grace_us
end

local function retired_at(issued_at_us, confirmed_at_us)
  if until_confirmed or issued_at_us == 0 then return confirmed_at_us end
  return issued_at_us
end

local function evaluate()
  if presented.gen == session.gen then return is_in_cooldown() and 3 or 4 end
  if presented.gen < session.gen then
    local issued_at_us, rotated_from_us, confirmed_at_us = retirement_of(presented.gen)
    if is_diverged_copy(issued_at_us, rotated_from_us) then return 5 end
    if presented.gen == session.gen - 1 and until_confirmed and session.confirmed_at_us == 0 then return 6 end
    if is_within(grace_us, retired_at(issued_at_us, confirmed_at_us)) then return 7 end
    return 8
  end
  return presented.gen == session.gen + 1 and 9 or 10
end

-- Returns whether it changed the session.
local function confirm()
  if session.confirmed_at_us > 0 then return false end
  session.confirmed_at_us = now_us
  return true
end

local function reissue()
  session.issued_us = math.max(now_us - session.created_us, session.issued_us + 1)
end

local row = evaluate()

if row == 3 then
  if confirm() or session.was_clamped then save() else require_master(sessions_key) end
  return issue('replayed', row, presented.issued_us)
end
if row == 5 or row == 8 then return report('reused', row) end
if row == 6 or row == 7 then
  if report_replayable then return report('replayable', row) end
  reissue()
  save()
  return issue('replayed', row, session.issued_us)
end
if row == 10 and not accept_rollback then return report('rolled-back', row) end

-- Rows 4, 9 and 10: take the presented generation as the current one, and replace it with its successor.
if presented.gen >= MAX_GENERATION then return report('exhausted', 0) end
if row == 4 then
  confirm()
  session.previous_issued_at_us = session.issued_at_us
  session.previous_rotated_from_us = session.rotated_from_us
  session.previous_confirmed_at_us = session.confirmed_at_us
else
  -- The store has no record of a generation that it lost. It counts as confirmed now.
  session.previous_issued_at_us, session.previous_rotated_from_us = 0, 0
  session.previous_confirmed_at_us = now_us
  -- A copy that the store lost was issued too, so the next copy gets a later time of issue.
  session.issued_us = math.max(session.issued_us, presented.issued_us)
end
reissue()
session.gen = presented.gen + 1
session.issued_at_us, session.rotated_from_us, session.confirmed_at_us = now_us, presented.issued_us, 0
session.last_idempotency_key, session.last_issued_us, session.last_row = idempotency_key, session.issued_us, row
session.expires_ms = idle_expiry(session, idle_ms, now_us)
if request_metadata ~= '' then session.request_metadata = request_metadata end
save()
return issue('rotated', row, session.issued_us)
`
)

import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'
import {
  CHANGING_AT,
  clampTimes,
  findPosition,
  packChanges,
  readActiveState,
  readClock,
  readHeader,
  readSlot,
  requireMaster,
  unchangedState
} from './session-lookup.js'

/** The texts in which the scripts for bound and unbound sessions differ. */
interface KindOfSession {
  useProof: string
  isSilent: string
  /** The position of the known revocation in ARGV. */
  knownAt: number
}

/**
 * Applies the rotation rule to a refresh token. `rotation-rule.ts` implements the same rule in TypeScript, in the same
 * order. Here it has no functions, because Lua would create each of them again at every call.
 *
 * KEYS: 1 the user's sessions, 2 the session's denylist entry, 3 (if the session is bound to a key) the used proof.
 * ARGV: 1 sid, 2 idempotency key, 3 request metadata or an empty string, 4 generation of the token, 5 its time of issue in
 * µs since the session was created, 6 grace period in µs, 7 idle timeout in ms, 8 to 10 flags (1 or 0): until_confirmed,
 * accept_rollback, report_replayable; then, if the session is bound, how long to remember the proof in ms, and the lifetime
 * of an access token in µs; then, optional: the reason of a revocation that the process has seen, and when the last token of
 * the session expires, in ms.
 * Result: nil if there is no session; or the byte REVOKED and the reason; or the byte PROOF_USED; or outcome (1 byte), row
 * (1), clock in ms (6), time of issue of the copy (6) or the rest of the window of a conflict in µs, the state, and the
 * texts, with the request metadata from before this call.
 */
const rotate = ({ useProof, isSilent, knownAt }: KindOfSession) => `
local ROTATED, REPLAYED, REPLAYABLE, CONFLICT, REUSED, ROLLED_BACK, EXHAUSTED, REVOKED, PROOF_USED = 1, 2, 3, 4, 5, 6, 7, 8, 9
local MAX_GENERATION = 4294967295
local idempotency_key, request_metadata = ARGV[2], ARGV[3]
local presented_gen, presented_issued_us, grace_us, idle_ms = ARGV[4] + 0, ARGV[5] + 0, ARGV[6] + 0, ARGV[7] + 0
local until_confirmed, accept_rollback, report_replayable = ARGV[8] == '1', ARGV[9] == '1', ARGV[10] == '1'
local known_reason, known_expires_ms = ARGV[${knownAt}], tonumber(ARGV[${knownAt + 1}])
${readClock}${readHeader}${findPosition}
${useProof}
-- Row 1: the session was revoked. If a failover lost the revocation, write it again. If it restored the session, delete it.
local reason = redis.call('GET', KEYS[2])
if reason or known_reason then
  ${sessionFunctions}
  accept_writes_when_full()
  local session
  if position then
    local sessions, index = load_sessions(), nil
    session, index = find_session(sessions, ARGV[1])
    if session then
      table.remove(sessions, index)
      save_sessions(sessions)
    end
  end
  if not reason then deny(KEYS[2], known_reason, math.max(session and session.expires_ms or 0, known_expires_ms)) end
  return struct.pack('B', REVOKED) .. (reason or known_reason)
end

-- Row 2: there is no session.
${readActiveState}
${clampTimes}
-- The record of the generation that replaced the presented one.
local successor_issued_at_us, successor_rotated_from_us, successor_confirmed_at_us = 0, 0, 0
if presented_gen == gen - 1 then
  successor_issued_at_us, successor_rotated_from_us, successor_confirmed_at_us = issued_at_us, rotated_from_us, confirmed_at_us
elseif presented_gen == gen - 2 then
  successor_issued_at_us, successor_rotated_from_us, successor_confirmed_at_us =
    previous_issued_at_us, previous_rotated_from_us, previous_confirmed_at_us
end
local retired_at_us = successor_confirmed_at_us
if not until_confirmed and successor_issued_at_us > 0 then retired_at_us = successor_issued_at_us end
local retired_for_us = retired_at_us > 0 and now_us - retired_at_us or math.huge
local cooldown_since_us = confirmed_at_us > 0 and confirmed_at_us or math.min(created_us + issued_us, now_us)

local is_repeated = last_idempotency_key == idempotency_key
local is_in_cooldown = issued_at_us > 0 and now_us - cooldown_since_us < 3 * grace_us
local is_diverged_copy = successor_issued_at_us > 0 and successor_rotated_from_us ~= presented_issued_us
  and successor_issued_at_us - (created_us + presented_issued_us) >= 2 * grace_us
local is_unconfirmed = until_confirmed and confirmed_at_us == 0
local is_late = retired_for_us < 3 * grace_us
local is_repeated_rotation = created_us + last_issued_us < issued_at_us
local is_lost_copy = is_repeated_rotation and created_us + presented_issued_us < issued_at_us
local is_silent = ${isSilent}

-- The first condition that holds decides.
local row
if     is_repeated                                   then row = last_row
elseif presented_gen == gen     and is_lost_copy     then row = 5
elseif presented_gen == gen     and is_in_cooldown   then row = 3
elseif presented_gen == gen                          then row = 4
elseif presented_gen <  gen     and is_diverged_copy then row = 5
elseif presented_gen == gen - 1 and is_unconfirmed   then row = 6
elseif presented_gen <  gen     and is_late          then row = 7
elseif presented_gen <  gen     and is_silent        then row = 7
elseif presented_gen <  gen                          then row = 8
elseif presented_gen == gen + 1                      then row = 9
else                                                      row = 10 end

${readSlot}
local outcome, copy_issued_us, window_us, is_changed, last_expires_ms = ROTATED, 0, 0, false, expires_ms
if is_repeated then
  copy_issued_us = last_issued_us
elseif row == 3 then
  outcome, copy_issued_us, is_changed = REPLAYED, presented_issued_us, was_clamped or confirmed_at_us == 0
  if confirmed_at_us == 0 then confirmed_at_us = now_us end
elseif row == 5 or row == 8 then
  outcome = REUSED
elseif row == 7 and is_late and retired_for_us >= grace_us then
  outcome, window_us = CONFLICT, 3 * grace_us - retired_for_us
elseif (row == 6 or row == 7) and report_replayable then
  outcome = REPLAYABLE
elseif row == 6 or row == 7 then
  -- A silent client has lost the generation: repeat its rotation.
  if row == 7 and is_silent then issued_at_us, confirmed_at_us = now_us, 0 end
  issued_us = math.max(now_us - created_us, issued_us + 1)
  outcome, copy_issued_us, is_changed = REPLAYED, issued_us, true
elseif row == 10 and not accept_rollback then
  outcome = ROLLED_BACK
elseif presented_gen >= MAX_GENERATION then
  outcome, row = EXHAUSTED, 0
else
  -- Rows 4, 9 and 10: take the presented generation as the current one, and replace it with its successor.
  if row == 4 then
    previous_issued_at_us, previous_rotated_from_us = issued_at_us, rotated_from_us
    previous_confirmed_at_us = confirmed_at_us > 0 and confirmed_at_us or now_us
  else
    -- The store has no record of a generation that it lost. It counts as confirmed now.
    previous_issued_at_us, previous_rotated_from_us, previous_confirmed_at_us = 0, 0, now_us
  end
  -- A copy that the store lost was issued too, so the next copy gets a later time of issue.
  issued_us = math.max(now_us - created_us, issued_us + 1, presented_issued_us + 1)
  gen, issued_at_us, rotated_from_us, confirmed_at_us = presented_gen + 1, now_us, presented_issued_us, 0
  last_idempotency_key, last_issued_us, last_row = idempotency_key, issued_us, row
  if flags % 2 == 0 then idle_ms = math.min(idle_ms, NON_PERSISTENT_IDLE_MS) end
  if flags >= 2 then idle_ms = math.min(idle_ms, tonumber(string.match(slot, '^%d+', slot_begin + sub_size))) end
  expires_ms = math.min(now_ms + idle_ms, absolute_expires_ms)
  copy_issued_us, is_changed = issued_us, true
end
local fixed_size = sub_size + identity_size
local stored_metadata = string.sub(slot, slot_begin + fixed_size, slot_begin + fixed_size + metadata_size - 1)
local replaces_metadata = is_changed and outcome == ROTATED and request_metadata ~= ''
local new_metadata
if replaces_metadata then
  metadata_size = #request_metadata
  -- Zeros overwrite the rest, so that replaced metadata, such as an address, does not stay in Redis.
  new_metadata = request_metadata .. string.rep('\\0', slot_size - fixed_size - metadata_size)
end
local new_state = ${unchangedState} .. ${packChanges}

if not is_changed then
  ${requireMaster}
elseif fixed_size + metadata_size > slot_size or now_ms >= prune_at_ms or expires_ms < prune_at_ms then
  -- Rare: the request metadata needs more space, a session of the user may have expired, or this one expires sooner.
  if fixed_size + metadata_size > MAX_SLOT_SIZE then error('FRT session too large') end
  ${sessionFunctions}
  local sessions = load_sessions()
  local session = find_session(sessions, ARGV[1])
  session.state, session.expires_ms = new_state, expires_ms
  if replaces_metadata then
    session.slot = string.sub(session.slot, 1, fixed_size) .. new_metadata
  end
  save_sessions(sessions)
else
  if replaces_metadata and request_metadata ~= stored_metadata then
    redis.call('SETRANGE', KEYS[1], slot_at + fixed_size, new_metadata)
  end
  redis.call('SETRANGE', KEYS[1], state_at + ${CHANGING_AT}, string.sub(new_state, ${CHANGING_AT + 1}))
  -- The key expires at a full hour, so that few refreshes change its TTL.
  local hour = math.ceil(expires_ms / HOUR_MS)
  if hour > math.ceil(last_expires_ms / HOUR_MS) then
    redis.call('PEXPIRE', KEYS[1], math.max(hour * HOUR_MS - now_ms, redis.call('PTTL', KEYS[1])))
  end
end

return struct.pack('>BBI6I6', outcome, row, now_ms, outcome == CONFLICT and window_us or copy_issued_us) .. new_state
  .. string.sub(slot, slot_begin, slot_begin + fixed_size - 1) .. stored_metadata
`

/**
 * Row 0: another call has used the proof. If a Redis client sends a call again, it has the same idempotency key. This comes
 * first, so that a captured proof of a request that failed cannot be used with another token of the user.
 */
const useProof = `
local used_by = redis.call('GET', KEYS[3])
if used_by and used_by ~= idempotency_key then return struct.pack('B', PROOF_USED) end
if not used_by then redis.call('SET', KEYS[3], idempotency_key, 'PX', ARGV[11]) end
`

/** All access tokens of the current generation have expired. Row 3 issues the last one at the end of the cooldown. */
const isSilent = `presented_gen == gen - 1 and issued_at_us > 0 and rotated_from_us == presented_issued_us
  and not is_repeated_rotation
  and now_us - math.max(confirmed_at_us, created_us + issued_us) >= ARGV[12] + 3 * grace_us`

const unbound = { useProof: '', isSilent: 'false', knownAt: 11 }
const bound = { useProof, isSilent, knownAt: 13 }

export const rotateScript = defineScript(2, rotate(unbound))
export const rotateBoundScript = defineScript(3, rotate(bound))

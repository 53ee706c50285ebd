/**
 * Lua functions that all scripts of sessions share: the clock, the stored format of sessions, the denylist and the results
 * of calls.
 *
 * One string per user holds all sessions of the user, because each Redis key costs as much memory as the data of a
 * session. The string starts with one byte for the format version. One record per session follows, in the order of
 * creation:
 *
 * | field                                          | bytes         | meaning                                           |
 * | ---------------------------------------------- | ------------- | ------------------------------------------------- |
 * | size                                           | 2             | bytes of this record, including these two         |
 * | sid                                            | 32            |                                                   |
 * | expires_ms                                     | 6             | when the session expires if it is not refreshed   |
 * | remember                                       | 1             | 0 limits the idle timeout to 24 hours             |
 * | gen                                            | 4             | current generation                                |
 * | created_us                                     | 7             |                                                   |
 * | absolute_expires_ms                            | 6             | end of the absolute lifetime                      |
 * | issued_us                                      | 6             | issue of the last copy, since created_us          |
 * | issued_at_us, rotated_from_us, confirmed_at_us | 7, 6, 7       | record of the current generation                  |
 * | previous_issued_at_us, and so on               | 7, 6, 7       | record of the generation before it                |
 * | last_idempotency_key, last_issued_us, last_row | 8, 6, 1       | result of the last rotation, for a repeated call  |
 * | sub_size, identity_size                        | 2, 2          | bytes of sub and identity                         |
 * | sub                                            | sub_size      |                                                   |
 * | identity                                       | identity_size | JSON of the login's claims and metadata           |
 * | request_metadata                               | the rest      | JSON of the last request's metadata               |
 *
 * Numbers are big-endian. A time of 0 means none. The names are those of `rotation-rule.ts` in snake case.
 *
 * Users with equal tags share a string, so a script that looks for the sessions of a user also compares the sub. A record
 * may stay after its session expired, until the string is written again.
 */
export const sessionFunctions = `
local FORMAT = 1
local HEADER = '>I2c32I6'
local STATE = '>BI4I7I6I6' .. 'I7I6I7' .. 'I7I6I7' .. 'c8I6B' .. 'I2I2'
local HEADER_SIZE = struct.size(HEADER)
local NON_PERSISTENT_IDLE_MS = 86400000
local RESULT_TTL_MS = 60000

local function read_clock()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function to_ms(time_us)
  return math.floor(time_us / 1000)
end

-- Needed because tostring() returns large numbers as 1.7e+15.
local function to_text(number)
  return string.format('%.0f', number)
end

-- Returns the records of active sessions: the sid, the expiry, and the remaining bytes as body.
local function load_records(key, now_us)
  local packed = redis.call('GET', key)
  local records = {}
  if not packed then return records end
  -- An error is answered with 503. A wrong guess at another format could log users out.
  if struct.unpack('B', packed) ~= FORMAT then error('FRT unsupported session format') end
  local offset = 2
  while offset <= #packed do
    local size, sid, expires_ms = struct.unpack(HEADER, packed, offset)
    if expires_ms > to_ms(now_us) then
      local body = string.sub(packed, offset + HEADER_SIZE, offset + size - 1)
      table.insert(records, {sid = sid, expires_ms = expires_ms, body = body})
    end
    offset = offset + size
  end
  return records
end

-- Fails on a replica, because GETEX is a write command. It changes nothing. A script that returns without another write
-- calls it, because a replica may lag. It must come late in a script: after the first write command of a script, a full
-- Redis no longer rejects the others.
local function require_master(key)
  redis.call('GETEX', key)
end

-- The key expires together with the last session. With allow_when_full the write also succeeds in a full Redis, because
-- GETEX is then the first write command of the script.
local function save_records(key, records, now_us, allow_when_full)
  if allow_when_full then require_master(key) end
  if #records == 0 then return redis.call('DEL', key) end
  local parts, last_expires_ms = {struct.pack('B', FORMAT)}, 0
  for _, record in ipairs(records) do
    table.insert(parts, struct.pack(HEADER, HEADER_SIZE + #record.body, record.sid, record.expires_ms))
    table.insert(parts, record.body)
    last_expires_ms = math.max(last_expires_ms, record.expires_ms)
  end
  redis.call('SET', key, table.concat(parts), 'PX', to_text(last_expires_ms - to_ms(now_us)))
end

local function find_record(records, sid)
  for position, record in ipairs(records) do
    if record.sid == sid then return record, position end
  end
end

local function to_session(record)
  local session = {sid = record.sid, expires_ms = record.expires_ms}
  local body, sub_size, identity_size, offset = record.body
  session.remember, session.gen, session.created_us, session.absolute_expires_ms, session.issued_us,
    session.issued_at_us, session.rotated_from_us, session.confirmed_at_us,
    session.previous_issued_at_us, session.previous_rotated_from_us, session.previous_confirmed_at_us,
    session.last_idempotency_key, session.last_issued_us, session.last_row,
    sub_size, identity_size, offset = struct.unpack(STATE, body)
  session.sub = string.sub(body, offset, offset + sub_size - 1)
  session.identity = string.sub(body, offset + sub_size, offset + sub_size + identity_size - 1)
  session.request_metadata = string.sub(body, offset + sub_size + identity_size)
  return session
end

local function to_record(session)
  local state = struct.pack(STATE,
    session.remember, session.gen, session.created_us, session.absolute_expires_ms, session.issued_us,
    session.issued_at_us, session.rotated_from_us, session.confirmed_at_us,
    session.previous_issued_at_us, session.previous_rotated_from_us, session.previous_confirmed_at_us,
    session.last_idempotency_key, session.last_issued_us, session.last_row,
    #session.sub, #session.identity)
  local body = state .. session.sub .. session.identity .. session.request_metadata
  return {sid = session.sid, expires_ms = session.expires_ms, body = body}
end

-- Returns when the session expires if it is not refreshed again.
local function idle_expiry(session, idle_ms, now_us)
  if session.remember == 0 then idle_ms = math.min(idle_ms, NON_PERSISTENT_IDLE_MS) end
  return math.min(to_ms(now_us) + idle_ms, session.absolute_expires_ms)
end

-- Replaces stored times in the future with the current time. They occur if the clock of a new master is behind.
local function clamp_times(session, now_us)
  for _, field in ipairs({
    'created_us', 'issued_at_us', 'confirmed_at_us', 'previous_issued_at_us', 'previous_confirmed_at_us'
  }) do
    if session[field] > now_us then
      session[field] = now_us
      session.was_clamped = true
    end
  end
end

-- Returns a session as a reply. The numbers are one string, because a client parses each part of a reply separately.
local function to_reply(session)
  local last_used_us = session.issued_at_us > 0 and session.issued_at_us or session.created_us
  return {
    session.sid,
    string.format('%.0f %.0f %.0f %.0f %.0f %.0f',
      session.gen, to_ms(session.created_us), to_ms(last_used_us),
      session.expires_ms, session.absolute_expires_ms, session.remember),
    session.sub, session.identity, session.request_metadata
  }
end

-- Adds a session to the denylist until its last token has expired.
local function deny(key, reason, expires_ms, now_us)
  local ttl_ms = expires_ms - to_ms(now_us)
  if ttl_ms > 0 then redis.call('SET', key, reason, 'PX', to_text(ttl_ms)) end
end

-- Saves the sessions that a call revoked, for a repeated call with the same idempotency key.
local function save_result(key, revoked)
  if #revoked > 0 then redis.call('SET', key, cmsgpack.pack(revoked), 'PX', RESULT_TTL_MS) end
  return revoked
end

local function load_result(key)
  local packed = redis.call('GET', key)
  return packed and cmsgpack.unpack(packed)
end
`

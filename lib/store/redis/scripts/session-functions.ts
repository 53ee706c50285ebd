/**
 * What all scripts share: the clock, and a user's sessions as they are stored. All of them in one string,
 * one after another, for each key of Redis costs as much as a session's data: a byte that tells the format,
 * then a record for each session, in the order in which they began.
 *
 * | field                                  | bytes   | what                                             |
 * | -------------------------------------- | ------- | ------------------------------------------------ |
 * | size                                   | 2       | bytes of this record, these two included         |
 * | sid                                    | 27      |                                                  |
 * | expires                                | 6       | ms: the end, if it is not refreshed again        |
 * | remember                               | 1       | 0: idle for 24 hours at the most                 |
 * | gen                                    | 4       | generation                                       |
 * | created                                | 7       | µs                                               |
 * | ends                                   | 6       | ms: the absolute end                             |
 * | issued                                 | 6       | µs since created: the last copy                  |
 * | minted, by, confirmed                  | 7, 6, 7 | µs, µs since created, µs: the current generation |
 * | minted_before, by_before, confirmed_before | 7, 6, 7 | the same of the one before                   |
 * | last_operation, last_issued, last_row  | 8, 6, 1 | the last rotation, should it come twice          |
 * | sub_size, identity_size                | 2, 2    | bytes of the sub, and of the identity            |
 * | sub                                    | sub_size |                                                 |
 * | identity                               | identity_size | JSON of the login                          |
 * | metadata                               | rest    | JSON of the last request                         |
 *
 * Numbers are big-endian; a time of 0 is none. Two users whose tags are the same share a key, so whoever
 * looks for a user's sessions asks for the sub. A record may outlive its session, until the next is written.
 */
export const sessionFunctions = `
local FORMAT = 1
local START = '>I2c27I6'
local STATE = '>BI4I7I6I6' .. 'I7I6I7' .. 'I7I6I7' .. 'c8I6B' .. 'I2I2'
local START_SIZE = struct.size(START)
local FORGETFUL_IDLE = 86400000
local ANSWER_TTL = 60000

local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function to_ms(us)
  return math.floor(us / 1000)
end

-- Lua writes large numbers as 1.7e+15.
local function text(number)
  return string.format('%.0f', number)
end

-- The records of live sessions: of each its sid, its end, and the bytes of the rest.
local function load_records(key, now)
  local packed = redis.call('GET', key)
  local records = {}
  if not packed then return records end
  -- Never guess at a layout of another version: an error is a 503, a guess could be a logout.
  if struct.unpack('B', packed) ~= FORMAT then error('FRT unknown session format') end
  local at = 2
  while at <= #packed do
    local size, sid, expires = struct.unpack(START, packed, at)
    if expires > to_ms(now) then
      local rest = string.sub(packed, at + START_SIZE, at + size - 1)
      table.insert(records, {sid = sid, expires = expires, rest = rest})
    end
    at = at + size
  end
  return records
end

-- For an answer that nothing was written for: a replica, which may lag behind, refuses this write, which
-- changes nothing. Late in a script: once one has written, a full Redis no longer refuses the rest.
local function ask_master(key)
  redis.call('GETEX', key)
end

-- Lives as long as the last of them. Where there are fewer now it has to be: once a script has written,
-- whatever it was, a full Redis lets it go on.
local function save_records(key, records, now, are_fewer)
  if are_fewer then ask_master(key) end
  if #records == 0 then return redis.call('DEL', key) end
  local parts, expires = {struct.pack('B', FORMAT)}, 0
  for _, record in ipairs(records) do
    table.insert(parts, struct.pack(START, START_SIZE + #record.rest, record.sid, record.expires))
    table.insert(parts, record.rest)
    expires = math.max(expires, record.expires)
  end
  redis.call('SET', key, table.concat(parts), 'PX', text(expires - to_ms(now)))
end

local function find_record(records, sid)
  for i, record in ipairs(records) do
    if record.sid == sid then return record, i end
  end
end

-- The session of a record.
local function open_record(record)
  local s, sub_size, identity_size, at = {sid = record.sid, expires = record.expires}
  s.remember, s.gen, s.created, s.ends, s.issued,
    s.minted, s.by, s.confirmed,
    s.minted_before, s.by_before, s.confirmed_before,
    s.last_operation, s.last_issued, s.last_row,
    sub_size, identity_size, at = struct.unpack(STATE, record.rest)
  s.sub = string.sub(record.rest, at, at + sub_size - 1)
  s.identity = string.sub(record.rest, at + sub_size, at + sub_size + identity_size - 1)
  s.metadata = string.sub(record.rest, at + sub_size + identity_size)
  return s
end

local function to_record(s)
  local state = struct.pack(STATE,
    s.remember, s.gen, s.created, s.ends, s.issued,
    s.minted, s.by, s.confirmed,
    s.minted_before, s.by_before, s.confirmed_before,
    s.last_operation, s.last_issued, s.last_row,
    #s.sub, #s.identity)
  return {sid = s.sid, expires = s.expires, rest = state .. s.sub .. s.identity .. s.metadata}
end

-- The time until which the session lives if it is not refreshed again.
local function idle_end(s, idle, now)
  if s.remember == 0 then idle = math.min(idle, FORGETFUL_IDLE) end
  return math.min(to_ms(now) + idle, s.ends)
end

-- A stored time that lies in the future (the clock of a new master) is taken as now.
local function clamp(s, now)
  for _, field in ipairs({'created', 'minted', 'confirmed', 'minted_before', 'confirmed_before'}) do
    if s[field] > now then
      s[field] = now
      s.was_ahead = true
    end
  end
end

-- A session as an answer: sid; gen, created, last used, expires, ends and remember, as one string, for each
-- part of an answer costs the client; sub; identity; metadata.
local function view(s)
  local last_used = s.minted > 0 and s.minted or s.created
  return {
    s.sid,
    string.format('%.0f %.0f %.0f %.0f %.0f %.0f',
      s.gen, to_ms(s.created), to_ms(last_used), s.expires, s.ends, s.remember),
    s.sub, s.identity, s.metadata
  }
end

local function forbid(key, reason, expires, now)
  local ttl = expires - to_ms(now)
  if ttl > 0 then redis.call('SET', key, reason, 'PX', text(ttl)) end
end

-- What an operation ended, for when the same call comes again.
local function remember_answer(key, ended)
  if #ended > 0 then redis.call('SET', key, cmsgpack.pack(ended), 'PX', ANSWER_TTL) end
  return ended
end

local function recall_answer(key)
  local packed = redis.call('GET', key)
  return packed and cmsgpack.unpack(packed)
end
`

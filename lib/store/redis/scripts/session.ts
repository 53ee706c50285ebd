/**
 * What all scripts share: the clock, and a session as it is stored. One string, for it takes a third of
 * the memory of a hash whose fields are that long: a head of 82 bytes, then two texts that no script reads.
 *
 * | field                                  | bytes   | what                                             |
 * | -------------------------------------- | ------- | ------------------------------------------------ |
 * | format                                 | 1       | the version of this layout                       |
 * | remember                               | 1       | 0: idle for 24 hours at the most                 |
 * | gen                                    | 4       | generation                                       |
 * | created                                | 7       | µs                                               |
 * | ends                                   | 6       | ms: the absolute end                             |
 * | issued                                 | 6       | µs since created: the last copy                  |
 * | minted, by, confirmed                  | 7, 6, 7 | µs, µs since created, µs: the current generation |
 * | minted_before, by_before, confirmed_before | 7, 6, 7 | the same of the one before                   |
 * | last_operation, last_issued, last_row  | 8, 6, 1 | the last rotation, should it come twice          |
 * | size                                   | 2       | bytes of the identity                            |
 * | identity                               | size    | JSON of the login                                |
 * | metadata                               | rest    | JSON of the last request                         |
 *
 * Numbers are big-endian; a time of 0 is none.
 */
export const sessionFunctions = `
local FORMAT = 1
local HEAD = '>BBI4I7I6I6' .. 'I7I6I7' .. 'I7I6I7' .. 'c8I6B' .. 'I2'
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

local function load_session(key)
  local packed = redis.call('GET', key)
  if not packed then return nil end
  -- Never guess at a layout of another version: an error is a 503, a guess could be a logout.
  if struct.unpack('B', packed) ~= FORMAT then error('FRT unknown session format') end
  local s, size, at = {}
  s.format, s.remember, s.gen, s.created, s.ends, s.issued,
    s.minted, s.by, s.confirmed,
    s.minted_before, s.by_before, s.confirmed_before,
    s.last_operation, s.last_issued, s.last_row,
    size, at = struct.unpack(HEAD, packed)
  s.identity = string.sub(packed, at, at + size - 1)
  s.metadata = string.sub(packed, at + size)
  -- In its last millisecond it is 0, which SET refuses.
  s.ttl = math.max(1, redis.call('PTTL', key))
  return s
end

-- Lives for s.ttl milliseconds from now.
local function save_session(key, s)
  local head = struct.pack(HEAD,
    FORMAT, s.remember, s.gen, s.created, s.ends, s.issued,
    s.minted, s.by, s.confirmed,
    s.minted_before, s.by_before, s.confirmed_before,
    s.last_operation, s.last_issued, s.last_row,
    #s.identity)
  redis.call('SET', key, head .. s.identity .. s.metadata, 'PX', text(s.ttl))
end

-- The time until which the session lives if it is not refreshed again.
local function idle_ttl(s, idle, now)
  if s.remember == 0 then idle = math.min(idle, FORGETFUL_IDLE) end
  return math.max(1, math.min(idle, s.ends - to_ms(now)))
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

-- Several numbers as one string: fewer parts to read for the client.
local function texts(...)
  local all = {}
  for i, number in ipairs({...}) do all[i] = text(number) end
  return table.concat(all, ' ')
end

-- A session as an answer: sid; gen, created, last used, expires and ends; identity; metadata.
local function view(sid, s, now)
  local last_used = s.minted > 0 and s.minted or s.created
  return {
    sid, texts(s.gen, to_ms(s.created), to_ms(last_used), to_ms(now) + s.ttl, s.ends), s.identity, s.metadata
  }
end

-- Deletes before it adds: once a script has written, a full Redis lets it go on.
local function end_session(session_key, blacklist_key, s, reason)
  redis.call('DEL', session_key)
  redis.call('SET', blacklist_key, reason, 'PX', text(s.ttl))
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

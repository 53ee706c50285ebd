import { COOKIE, userName } from '../implementations/common.mjs'

/** Makes many sessions without HTTP, a few hundred at a time, so that Redis is what it waits for. */
const AT_ONCE = 256

/** Calls `work` with each number below `count`. */
export async function times(count, work) {
  let next = 0
  async function goOn() {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, goOn))
}

/** Sessions of ours, one for each user, as clients with cookies hold them. */
export async function createSessions(app, count) {
  const sessions = []
  await times(count, async (number) => {
    const sub = userName(number)
    const { refreshToken } = await app.sessions.create({ sub })
    sessions.push({ sub, gen: 1, refresh: `${COOKIE}=${refreshToken}` })
  })
  return sessions
}

/**
 * Put in the place of the first letter of the tag that a user's keys have in braces, and not in its alphabet.
 * Two users in a hundred thousand have tags that differ in that letter alone: their copies are one.
 */
const MARKS = "!#$%&'()*+,./:;<=>?@[]^`|~"

const COPY = `
for _, key in ipairs(KEYS) do
  local value, ttl = redis.call('DUMP', key), redis.call('PTTL', key)
  for i = 1, #ARGV[1] do
    local name = string.gsub(key, '{.', '{' .. string.gsub(string.sub(ARGV[1], i, i), '%%', '%%%%'), 1)
    redis.call('RESTORE', name, ttl, value, 'REPLACE')
  end
end
`

/**
 * Copies every key of Redis so many times, under names of the same length: to log a million users in would
 * take minutes. Nobody holds a token of a copy, but to Redis it is a session as any other.
 */
export async function copyAll(client, copies) {
  if (copies > MARKS.length) throw new Error(`at most ${MARKS.length} copies`)
  const keys = (await client.keys('*')).filter((key) => /\{[\w-]{6}\}/.test(key))
  for (let i = 0; i < keys.length; i += 200) {
    const some = keys.slice(i, i + 200)
    await client.eval(COPY, some.length, ...some, MARKS.slice(0, copies))
  }
}

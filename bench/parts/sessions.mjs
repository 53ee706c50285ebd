import { COOKIE, userName } from '../implementations/common.mjs'

/** Number of concurrent calls. */
const AT_ONCE = 256

/** Calls `work` with each number below `count`, several at a time. */
export async function times(count, work) {
  let next = 0
  async function worker() {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, worker))
}

/** Creates one session of this plugin per user, without HTTP. Returns them as clients with cookies hold them. */
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
 * Characters that replace the first character of the hash tag (in braces) in a copied key. They do not occur in hash tags.
 *
 * About two of a hundred thousand users have tags that differ only in that character, so that their copies collide.
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
 * Copies every key of Redis several times, under names of the same length, because a million logins would take minutes.
 *
 * No client holds a token of a copy, but for Redis it is a normal session.
 */
export async function copyAll(client, copies) {
  if (copies > MARKS.length) throw new Error(`at most ${MARKS.length} copies`)
  const keys = (await client.keys('*')).filter((key) => /\{[\w-]{12}\}/.test(key))
  for (let i = 0; i < keys.length; i += 200) {
    const some = keys.slice(i, i + 200)
    await client.eval(COPY, some.length, ...some, MARKS.slice(0, copies))
  }
}

import { createHash, randomBytes } from 'node:crypto'
import fastifyCookie from '@fastify/cookie'
import Fastify from 'fastify'
import { batchWrites } from '../../dist/esm/lib/store/redis/batched-writes.js'
import { COOKIE, COOKIE_ATTRIBUTES, REFRESH_TTL_SECONDS, tokenResponse } from './common.mjs'
import { newSid, registerJwt, signAccessToken } from './jwt.mjs'

const TTL_MS = REFRESH_TTL_SECONDS * 1000

const LOGIN = `
redis.call('HSET', KEYS[1], 'sub', ARGV[1], 'gen', 1, 'token', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
`

const ROTATE = `
local s = redis.call('HMGET', KEYS[1], 'token', 'sub', 'gen')
if s[1] ~= ARGV[1] then return false end
redis.call('HSET', KEYS[1], 'token', ARGV[2], 'gen', s[3] + 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {s[2], s[3] + 1}
`

/**
 * Minimal rotation: one script, one JWT, one cookie.
 *
 * With `batched` it sends the commands of one turn of the event loop together, as this package does.
 *
 * It has no grace period, no replay, no reuse detection, no session list and no check of the origin.
 */
export async function build({ redis, keyPrefix = '', batched = false }) {
  const app = Fastify()
  await app.register(fastifyCookie)
  await registerJwt(app)
  const loginSha = await redis.script('LOAD', LOGIN)
  const rotateSha = await redis.script('LOAD', ROTATE)

  const sessionKey = (sid) => `${keyPrefix}s:${sid}`
  const digestOf = (secret) => createHash('sha256').update(secret).digest('base64url')
  const newSecret = () => randomBytes(32).toString('base64url')

  app.post('/auth/login', async (request, reply) => {
    const { username: sub } = request.body
    const sid = newSid()
    const secret = newSecret()
    const keys = [sessionKey(sid), `${keyPrefix}u:${sub}`]
    if (batched) batchWrites(redis)
    await redis.evalsha(loginSha, 2, ...keys, sub, digestOf(secret), TTL_MS, Date.now() + TTL_MS, sid)
    reply.setCookie(COOKIE, `${sid}.${secret}`, COOKIE_ATTRIBUTES)
    return tokenResponse(signAccessToken(app, sub, sid, 1))
  })

  app.post('/auth/refresh', async (request, reply) => {
    const [sid, old] = (request.cookies[COOKIE] ?? '').split('.')
    const secret = newSecret()
    const digests = [digestOf(old ?? ''), digestOf(secret)]
    if (batched) batchWrites(redis)
    const rotated = await redis.evalsha(rotateSha, 1, sessionKey(sid), ...digests, TTL_MS)
    if (!rotated) return reply.code(401).send()
    const [sub, gen] = rotated
    reply.setCookie(COOKIE, `${sid}.${secret}`, COOKIE_ATTRIBUTES)
    return tokenResponse(signAccessToken(app, sub, sid, Number(gen)))
  })
  return app
}

import { randomBytes } from 'node:crypto'
import fastifyCookie from '@fastify/cookie'
import Fastify from 'fastify'
import { batchWrites } from '../../dist/esm/lib/store/redis/batched-writes.js'
import { COOKIE, COOKIE_ATTRIBUTES, REFRESH_TTL_SECONDS, tokenResponse } from './common.mjs'
import { newSid, registerJwt, signAccessToken } from './jwt.mjs'

/**
 * Rotation as in many tutorials: GET the token, DEL it, SET the next one and the user's current one.
 *
 * This takes four round trips, and two concurrent requests with one token both succeed.
 */
export async function build({ redis: client, keyPrefix = '', batched = false }) {
  const app = Fastify()
  await app.register(fastifyCookie)
  await registerJwt(app)

  const redis = () => {
    if (batched) batchWrites(client)
    return client
  }

  async function start(reply, sub, sid, gen) {
    const token = randomBytes(32).toString('base64url')
    const session = JSON.stringify({ sub, sid, gen })
    await redis().set(`${keyPrefix}refresh:${token}`, session, 'EX', REFRESH_TTL_SECONDS)
    await redis().set(`${keyPrefix}user:${sub}:refresh`, token, 'EX', REFRESH_TTL_SECONDS)
    reply.setCookie(COOKIE, token, COOKIE_ATTRIBUTES)
    return tokenResponse(signAccessToken(app, sub, sid, gen))
  }

  app.post('/auth/login', (request, reply) => start(reply, request.body.username, newSid(), 1))

  app.post('/auth/refresh', async (request, reply) => {
    const key = `${keyPrefix}refresh:${request.cookies[COOKIE]}`
    const found = await redis().get(key)
    if (!found) return reply.code(401).send()
    await redis().del(key)
    const { sub, sid, gen } = JSON.parse(found)
    return start(reply, sub, sid, gen + 1)
  })
  return app
}

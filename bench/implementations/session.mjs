import fastifyCookie from '@fastify/cookie'
import fastifySession from '@fastify/session'
import Fastify from 'fastify'
import { REFRESH_TTL_SECONDS, SECRET } from './common.mjs'

/**
 * `@fastify/session`: a cookie identifies a session in Redis, without tokens. The refresh is `regenerate()`.
 *
 * With `rolling`, the default of `@fastify/session`, each request writes the session.
 */
export async function build({ redis, keyPrefix = '', rolling = true }) {
  const app = Fastify()
  await app.register(fastifyCookie)
  await app.register(fastifySession, {
    secret: SECRET,
    store: new RedisSessions(redis, keyPrefix),
    saveUninitialized: false,
    rolling,
    cookie: { secure: false, sameSite: 'strict', maxAge: REFRESH_TTL_SECONDS * 1000 }
  })

  app.post('/auth/login', async (request) => {
    request.session.user = { sub: request.body.username }
    return request.session.user
  })
  app.post('/auth/refresh', async (request) => {
    await request.session.regenerate(['user'])
    return request.session.user
  })

  async function authenticate(request, reply) {
    if (!request.session.user) return reply.code(401).send()
  }
  app.get('/me', { preHandler: authenticate }, async (request) => ({ sub: request.session.user.sub }))
  return app
}

/** A session store like connect-redis, which no longer supports ioredis. */
class RedisSessions {
  constructor(redis, keyPrefix) {
    this.redis = redis
    this.keyPrefix = keyPrefix
  }

  get(id, done) {
    this.redis.get(`${this.keyPrefix}sess:${id}`).then((json) => done(null, json && JSON.parse(json)), done)
  }

  set(id, session, done) {
    this.redis
      .set(`${this.keyPrefix}sess:${id}`, JSON.stringify(session), 'EX', REFRESH_TTL_SECONDS)
      .then(() => done(null), done)
  }

  destroy(id, done) {
    this.redis.del(`${this.keyPrefix}sess:${id}`).then(() => done(null), done)
  }
}

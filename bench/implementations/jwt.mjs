import { randomBytes } from 'node:crypto'
import fastifyJwt from '@fastify/jwt'
import { ACCESS_TTL_SECONDS, SECRET } from './common.mjs'

/** `@fastify/jwt`, set up to make tokens of the size of ours: header and claims are the same. */
export async function registerJwt(app, verify = {}) {
  await app.register(fastifyJwt, {
    secret: SECRET,
    sign: {
      algorithm: 'HS256',
      kid: 'kid-of-twelv',
      header: { alg: 'HS256', typ: 'at+jwt' },
      expiresIn: `${ACCESS_TTL_SECONDS}s`
    },
    verify: { algorithms: ['HS256'], ...verify }
  })
}

/** A session's id, as long as ours. */
export function newSid() {
  return randomBytes(20).toString('base64url')
}

export function signAccessToken(app, sub, sid, gen) {
  return app.jwt.sign({ sub, sid, gen, auth_time: Math.floor(Date.now() / 1000) })
}

/** For "every token new": a token that no login made. */
export function mint(app, sub) {
  return signAccessToken(app, sub, newSid(), 1)
}

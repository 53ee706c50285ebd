import { randomBytes } from 'node:crypto'
import fastifyJwt from '@fastify/jwt'
import { ACCESS_TTL_SECONDS, SECRET } from './common.mjs'

/** Registers `@fastify/jwt` so that the tokens have the same header, claims and size as those of this plugin. */
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

/** Returns a session id as long as those of this plugin. */
export function newSid() {
  return randomBytes(24).toString('base64url')
}

export function signAccessToken(app, sub, sid, gen) {
  return app.jwt.sign({ sub, sid, gen, auth_time: Math.floor(Date.now() / 1000) })
}

/** Creates an access token without a login, for the comparison with new tokens. */
export function createAccessToken(app, sub) {
  return signAccessToken(app, sub, newSid(), 1)
}

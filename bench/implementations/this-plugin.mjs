import { generateKeyPairSync } from 'node:crypto'
import Fastify from 'fastify'
// The published files. They are not imported by package name, because npm would install the dependencies again.
import refreshToken from '../../dist/esm/lib/index.js'
import { ACCESS_TTL_SECONDS, SECRET } from './common.mjs'

/**
 * This package with its defaults, except for the given settings and for `grace`.
 *
 * With the default grace period, a refresh within 90 seconds of the last one does not rotate. Here each refresh must
 * rotate.
 */
export async function build({
  redis,
  keyPrefix,
  mode = 'store',
  transport = 'cookie',
  algorithm,
  grace = 0,
  metadata = true,
  durability = {}
}) {
  const app = Fastify()
  await app.register(refreshToken, {
    secret: SECRET,
    redis,
    ...(keyPrefix && { keyPrefix }),
    transport,
    login: async (request) => ({ sub: request.body.username }),
    accessToken: { ttl: ACCESS_TTL_SECONDS, ...(algorithm && { algorithm, keys: [newPrivateKey()] }) },
    refreshToken: { grace },
    revocation: { mode },
    durability,
    ...(!metadata && { session: { metadata: () => ({}) } })
  })
  app.get('/me', { preHandler: app.authenticate }, async (request) => ({ sub: request.user.sub }))
  return app
}

/** Creates an access token without a login over HTTP, for the comparison with new tokens. */
export async function createAccessToken(app, sub) {
  return (await app.sessions.create({ sub })).accessToken
}

function newPrivateKey() {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
}

import { generateKeyPairSync } from 'node:crypto'
import Fastify from 'fastify'
// As it is published. Not by its name: npm would install the root's dependencies once more.
import refreshToken from '../../dist/esm/lib/index.js'
import { ACCESS_TTL_SECONDS, SECRET } from './common.mjs'

/**
 * This package. Its defaults, but for the settings given and for `grace`: with its default a refresh that
 * comes again within 90 seconds is answered without rotating, and here each is to rotate.
 */
export async function build({
  redis,
  mode = 'store',
  transport = 'cookie',
  algorithm,
  grace = 0,
  metadata = true
}) {
  const app = Fastify()
  await app.register(refreshToken, {
    secret: SECRET,
    redis,
    transport,
    login: async (request) => ({ sub: request.body.username }),
    accessToken: { ttl: ACCESS_TTL_SECONDS, ...(algorithm && { algorithm, keys: [newPrivateKey()] }) },
    refreshToken: { grace },
    revocation: { mode },
    ...(!metadata && { session: { metadata: () => ({}) } })
  })
  app.get('/me', { preHandler: app.authenticate }, async (request) => ({ sub: request.user.sub }))
  return app
}

/** For "every token new". */
export async function mint(app, sub) {
  return (await app.sessions.create({ sub })).accessToken
}

function newPrivateKey() {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
}

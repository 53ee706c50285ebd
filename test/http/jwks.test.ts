import { createPublicKey, type JsonWebKey } from 'node:crypto'
import Fastify from 'fastify'
import t from 'tap'
import { type FastifyRefreshTokenOptions, fastifyRefreshToken } from '../../lib/index.js'
import { thumbprint } from '../../lib/tokens/keys/jwk.js'
import { buildApp, SECRET } from '../support/build-app.js'
import { GENERATE, KEY_ALGORITHMS, privatePem, publicPem } from '../support/key-pairs.js'

const URL = '/.well-known/jwks.json'
const pair = GENERATE.EdDSA()
const accessToken = { algorithm: 'EdDSA', keys: [pair.privateKey] } as const

const MEMBERS = {
  EdDSA: ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
  ES256: ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
  RS256: ['alg', 'e', 'kid', 'kty', 'n', 'use']
}

for (const algorithm of KEY_ALGORITHMS) {
  t.test(`${algorithm}: returns all public keys and no private parts`, async (t) => {
    const [first, second] = [GENERATE[algorithm](), GENERATE[algorithm]()]
    const named = { ...second.privateKey.export({ format: 'jwk' }), kid: 'second', use: 'sig', mine: 'x' }
    const { app } = await buildApp(t, {
      options: {
        accessToken: { algorithm, keys: [privatePem(first), named, publicPem(GENERATE[algorithm]())] },
        routes: { jwks: true }
      }
    })
    const response = await app.inject(URL)
    t.equal(response.statusCode, 200)
    t.match(response.headers['content-type'], /^application\/json/)
    const { keys } = response.json() as { keys: JsonWebKey[] }
    t.equal(keys.length, 3)
    for (const key of keys) {
      t.same(Object.keys(key).sort(), MEMBERS[algorithm])
      t.match(key, { alg: algorithm, use: 'sig' })
    }
    t.same([keys[0]?.kid, keys[1]?.kid], [thumbprint(first.publicKey), 'second'])
    for (const [i, { publicKey }] of [first, second].entries()) {
      t.ok(createPublicKey({ key: keys[i] as JsonWebKey, format: 'jwk' }).equals(publicKey))
    }
  })
}

t.test('the route exists only if it is enabled', async (t) => {
  const { app } = await buildApp(t, { options: { accessToken } })
  t.equal((await app.inject(URL)).statusCode, 404)
})

t.test('the response is cacheable, and an error is not', async (t) => {
  let isBusy = false
  const { app } = await buildApp(t, {
    options: {
      accessToken,
      routes: {
        jwks: {
          async onRequest() {
            if (isBusy) throw Object.assign(new Error('busy'), { statusCode: 429 })
          }
        }
      }
    },
    // A guard on all routes, and a request from another site.
    extend: (app) => app.addHook('preHandler', app.authenticate)
  })
  const headers = { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' }
  for (const method of ['GET', 'HEAD'] as const) {
    const response = await app.inject({ url: URL, method, headers })
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'public, max-age=300')
  }
  isBusy = true
  const rejected = await app.inject(URL)
  t.equal(rejected.statusCode, 429)
  t.equal(rejected.headers['cache-control'], 'no-store')
})

t.test('the response changes immediately after a key rotation', async (t) => {
  const { app } = await buildApp(t, { options: { accessToken, routes: { jwks: true } } })
  const kids = async () => (await app.inject(URL)).json().keys.map(({ kid }: { kid: string }) => kid)
  const fresh = GENERATE.EdDSA()
  const [old, young] = [thumbprint(pair.publicKey), thumbprint(fresh.publicKey)]
  t.same(await kids(), [old])
  await app.sessions.rotateKeys([pair.privateKey, fresh.publicKey])
  t.same(await kids(), [old, young])
  await app.sessions.rotateKeys([fresh.privateKey])
  t.same(await kids(), [young])
})

t.test('the URL has the prefix of the scope, but not that of the routes', async (t) => {
  const options: FastifyRefreshTokenOptions = {
    secret: SECRET,
    accessToken,
    routes: { login: false, jwks: true }
  }
  const app = Fastify()
  t.after(() => app.close())
  await app.register(fastifyRefreshToken, { ...options, routes: { ...options.routes, prefix: '/api/auth' } })
  const other = { ...accessToken, keys: [GENERATE.EdDSA().privateKey] }
  app.register(
    async (scope) =>
      scope.register(fastifyRefreshToken, { ...options, accessToken: other, keyPrefix: 'staff:' }),
    { prefix: '/staff' }
  )
  for (const url of [URL, `/staff${URL}`]) t.equal((await app.inject(url)).statusCode, 200, url)
})

t.test('the route is an error with HS256', async (t) => {
  for (const jwks of [true, {}]) {
    const app = Fastify()
    t.after(() => app.close())
    const options = { secret: SECRET, routes: { login: false, jwks } } as const
    await t.rejects(Promise.resolve(app.register(fastifyRefreshToken, options)), {
      code: 'FRT_ERR_INVALID_OPTION',
      message: 'option "routes.jwks" must be false with HS256, because its keys must stay secret'
    })
  }
})

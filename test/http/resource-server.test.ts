import { createHmac } from 'node:crypto'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { fastifyRefreshToken, type ResourceServerOptions, resourceServer } from '../../lib/index.js'
import { thumbprint } from '../../lib/tokens/keys/jwk.js'
import { buildApp, SECRET } from '../support/build-app.js'
import { GENERATE, KEY_ALGORITHMS, privatePem, publicPem } from '../support/key-pairs.js'
import { buildResourceServer, EXPECTED, sign } from '../support/resource-server.js'

const pair = GENERATE.EdDSA()
const keys = [publicPem(pair)]

for (const algorithm of KEY_ALGORITHMS) {
  t.test(`${algorithm}: accepts only tokens that the plugin issued`, async (t) => {
    const own = GENERATE[algorithm]()
    const issuer = await buildApp(t, {
      options: { accessToken: { algorithm, keys: [own.privateKey], ...EXPECTED } }
    })
    const { accessToken } = await issuer.app.sessions.create({ sub: 'ada', claims: { roles: ['reader'] } })
    const { app, status } = await buildResourceServer(t, { algorithm, keys: [own.publicKey] })
    for (let i = 0; i < 2; i++) {
      const response = await app.inject({ url: '/me', headers: { authorization: `Bearer ${accessToken}` } })
      t.match(response.json(), { sub: 'ada', gen: 1, roles: ['reader'], aud: EXPECTED.audience })
    }
    const [head, payload, signature = ''] = accessToken.split('.')
    t.equal(await status(`${head}.${payload}.${signature.slice(0, -8)}`), 401)
    t.equal(await status(`${head}.${payload}.`), 401)
    t.equal(await status(await sign(GENERATE[algorithm](), { algorithm })), 401)
    t.equal(await status(await sign(own, { algorithm })), 200)
  })
}

t.test('a resource server requires a recent authentication', async (t) => {
  const { app } = await buildResourceServer(t, {
    keys,
    extend: (app) => {
      const recent = app.requireAuthentication({ maxAge: '1m', acr: 'otp' })
      app.get('/recent', { preHandler: [app.authenticate, recent] }, async () => 'in')
    }
  })
  const now = Math.floor(Date.now() / 1000)
  for (const [claims, status] of [
    [{ auth_time: now, acr: 'otp' }, 200],
    [{ auth_time: now, acr: 'pwd' }, 401],
    [{ auth_time: now }, 401],
    [{ auth_time: now - 62, acr: 'otp' }, 401],
    [{ acr: 'otp' }, 401],
    [{ auth_time: String(now), acr: 'otp' }, 401],
    [{ auth_time: now, acr: ['otp'] }, 401]
  ] as const) {
    const headers = { authorization: `Bearer ${await sign(pair, { claims })}` }
    const response = await app.inject({ url: '/recent', headers })
    t.equal(response.statusCode, status, JSON.stringify(claims))
  }
})

t.test('errors, challenges and guards equal those of the issuer', async (t) => {
  const { app } = await buildResourceServer(t, { keys })
  const get = async (url: string, token?: string) => {
    const response = await app.inject({
      url,
      ...(token && { headers: { authorization: `Bearer ${token}` } })
    })
    return [response.statusCode, response.json().code, response.headers['www-authenticate']]
  }
  const now = Math.floor(Date.now() / 1000)
  t.same(await get('/me'), [401, 'FRT_ERR_NO_ACCESS_TOKEN', 'Bearer realm="api"'])
  t.same(await get('/me', 'x'), [
    401,
    'FRT_ERR_ACCESS_TOKEN_INVALID',
    'Bearer realm="api", error="invalid_token", error_description="The access token is invalid"'
  ])
  t.same(await get('/me', await sign(pair, { claims: { exp: now } })), [
    401,
    'FRT_ERR_ACCESS_TOKEN_EXPIRED',
    'Bearer realm="api", error="invalid_token", error_description="The access token has expired"'
  ])
  const reader = await sign(pair, { claims: { scope: 'read write' } })
  t.same(await get('/admin', reader), [
    403,
    'FRT_ERR_INSUFFICIENT_SCOPE',
    'Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this request"'
  ])
  const read = await app.inject({ url: '/read', headers: { authorization: `Bearer ${reader}` } })
  t.equal(read.body, 'in')
  t.same((await app.inject('/maybe')).json(), { user: null })
  t.equal((await get('/maybe', 'x'))[0], 401)
})

t.test('rejects a token of another issuer, for another audience or of another type', async (t) => {
  const { status } = await buildResourceServer(t, { keys })
  t.equal(await status(await sign(pair)), 200)
  const invalid: object[] = [
    { iss: 'https://evil.example' },
    { iss: undefined },
    { iss: [EXPECTED.issuer] },
    { iss: `${EXPECTED.issuer}/` },
    { aud: 'https://other.example.com' },
    { aud: undefined },
    { aud: [] },
    { aud: ['https://other.example.com'] },
    ...['sub', 'sid', 'gen', 'iat', 'exp'].map((claim) => ({ [claim]: undefined })),
    { exp: null },
    { exp: 'never' },
    { exp: {} },
    // A text that JavaScript would calculate with.
    ...['iat', 'exp', 'nbf', 'auth_time'].map((claim) => ({ [claim]: '1893456000' })),
    // A token that is bound to a key needs a proof (RFC 9449, section 7.2).
    { cnf: { jkt: 'x'.repeat(43) } },
    { cnf: null },
    { gen: '1' },
    { sub: 1 },
    { sid: ['s'] }
  ]
  for (const claims of invalid)
    t.equal(await status(await sign(pair, { claims })), 401, JSON.stringify(claims))
  const types: object[] = [
    { typ: 'JWT' },
    { typ: undefined },
    { typ: 'id+jwt' },
    { kid: undefined },
    { kid: 'x' },
    { cty: 'x' }
  ]
  for (const header of types) t.equal(await status(await sign(pair, { header })), 401, JSON.stringify(header))
})

t.test(
  'rejects a token signed with the public key as a secret, and a token of another algorithm',
  async (t) => {
    const es256 = GENERATE.ES256()
    const { status } = await buildResourceServer(t, {
      keys: [publicPem(pair), es256.publicKey],
      algorithm: ['EdDSA', 'ES256']
    })
    t.equal(await status(await sign(es256, { algorithm: 'ES256' })), 200)
    t.equal(await status(await sign(pair)), 200)
    const [, payload = ''] = (await sign(pair)).split('.')
    const kid = thumbprint(pair.publicKey)
    const encode = (header: object) => Buffer.from(JSON.stringify(header)).toString('base64url')
    for (const alg of ['HS256', 'HS512', 'none', 'EdDSA', 'ES256', 'Ed25519']) {
      const content = `${encode({ alg, typ: 'at+jwt', kid })}.${payload}`
      for (const secret of [
        publicPem(pair),
        publicPem(pair).trim(),
        pair.publicKey.export({ type: 'spki', format: 'der' })
      ]) {
        const mac = createHmac('sha256', secret).update(content).digest('base64url')
        t.equal(await status(`${content}.${mac}`), 401, alg)
      }
      t.equal(await status(`${content}.`), 401, alg)
    }
    // Each has a valid signature, but the kid of the other key.
    t.equal(await status(await sign(es256, { algorithm: 'ES256', header: { kid } })), 401)
    t.equal(await status(await sign(pair, { header: { kid: thumbprint(es256.publicKey) } })), 401)
  }
)

t.test('reads the token from another header, with and without a cache', async (t) => {
  const { app } = await buildResourceServer(t, { keys, header: 'X-Auth-Token', cache: 0 })
  const token = await sign(pair)
  for (let i = 0; i < 2; i++) {
    t.equal((await app.inject({ url: '/me', headers: { 'x-auth-token': token } })).statusCode, 200)
  }
  t.equal((await app.inject({ url: '/me', headers: { authorization: `Bearer ${token}` } })).statusCode, 401)
})

t.test('an invalid option is an error at registration with a helpful message', async (t) => {
  const valid = { ...EXPECTED, keys }
  const uri = 'an https:// URL without credentials. http:// is allowed for loopback addresses'
  const invalid: [options: object, message: string][] = [
    [
      { ...valid, issuer: undefined },
      'option "issuer" is required: a resource server must check the claim iss (RFC 9068, section 4)'
    ],
    [
      { ...valid, audience: undefined },
      'option "audience" is required: a resource server must check the claim aud (RFC 9068, section 4)'
    ],
    [{ ...valid, issuer: '' }, 'option "issuer" must be a non-empty string'],
    [{ ...valid, audience: [] }, 'option "audience" must be one or more different strings'],
    [{ ...valid, audience: ['a', 1] }, 'option "audience[1]" must be a non-empty string'],
    [{ ...valid, clockTolerance: '11m' }, 'option "clockTolerance" must be at most 600 seconds'],
    [EXPECTED, 'exactly one of the options "keys" and "jwksUri" is required'],
    [
      { ...valid, jwksUri: 'https://auth.example.com/jwks' },
      'exactly one of the options "keys" and "jwksUri" is required'
    ],
    [{ ...valid, keys: [] }, 'option "keys" must be one or more public keys for EdDSA'],
    [{ ...valid, keys: keys[0] }, 'option "keys" must be an array'],
    [
      { ...valid, keys: [publicPem(pair), privatePem(GENERATE.EdDSA())] },
      'option "keys[1]" must be a public key. Only the issuer may hold private keys'
    ],
    [
      { ...valid, keys: [publicPem(pair), pair.publicKey] },
      'option "keys[1]" must be a key with a unique kid'
    ],
    [{ ...valid, algorithm: 'ES256' }, 'option "keys[0]" must be an EC key on the curve P-256 for ES256'],
    [
      { ...valid, algorithm: ['ES256', 'RS256'] },
      'option "keys[0]" must be an EC key on the curve P-256 for ES256 or an RSA key of at least 2048 bits for RS256'
    ],
    [{ ...valid, algorithm: 'HS256' }, "option \"algorithm\" must be 'EdDSA' or 'ES256' or 'RS256'"],
    [
      { ...valid, algorithm: ['EdDSA', 'none'] },
      "option \"algorithm[1]\" must be 'EdDSA' or 'ES256' or 'RS256'"
    ],
    [{ ...valid, algorithm: [] }, 'option "algorithm" must be one or more algorithms'],
    [{ ...valid, cache: -1 }, 'option "cache" must be a whole number of at least 0'],
    [{ ...valid, header: 'a b' }, 'option "header" must be a header name'],
    [
      { ...valid, secret: SECRET },
      'unknown option "secret", the options are: keys, jwksUri, algorithm, issuer, audience, clockTolerance, header, cache'
    ],
    ...[
      'http://auth.example.com/jwks',
      'http://localhost.example.com/jwks',
      'http://127.0.0.1.example.com/jwks',
      'https://user:pass@auth.example.com/jwks',
      'https://user@auth.example.com/jwks',
      'http://user@localhost/jwks',
      'file:///etc/passwd',
      'auth.example.com',
      ''
    ].map((jwksUri): [object, string] => [{ ...EXPECTED, jwksUri }, `option "jwksUri" must be ${uri}`]),
    [{ ...EXPECTED, jwksUri: new URL('https://auth.example.com/jwks') }, `option "jwksUri" must be ${uri}`]
  ]
  for (const [options, message] of invalid) await rejects(t, options, message)
})

async function rejects(t: Test, options: object, message: string): Promise<void> {
  const app = Fastify()
  t.after(() => app.close())
  await t.rejects(
    Promise.resolve(app.register(resourceServer, options as ResourceServerOptions)),
    { code: 'FRT_ERR_INVALID_OPTION', message },
    message
  )
}

t.test('has only guards, and works in one app with an issuer', async (t) => {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(async (scope) => {
    await scope.register(resourceServer, { ...EXPECTED, keys })
    t.ok(scope.hasPlugin('fastify-refresh-token/resource-server'))
    for (const name of ['sessions', 'jwt']) t.notOk(scope.hasDecorator(name), name)
    t.notOk(scope.hasReplyDecorator('startSession'))
    scope.get('/partner', { preHandler: scope.authenticate }, async (request) => request.user)
  })
  await app.register(fastifyRefreshToken, {
    secret: SECRET,
    routes: { login: false },
    accessToken: { algorithm: 'EdDSA', keys: [pair.privateKey], ...EXPECTED }
  })
  const { accessToken } = await app.sessions.create({ sub: 'ada' })
  const headers = { authorization: `Bearer ${accessToken}` }
  t.equal((await app.inject({ url: '/partner', headers })).json().sub, 'ada')
})

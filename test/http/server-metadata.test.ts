import Fastify from 'fastify'
import * as oauth from 'oauth4webapi'
import t from 'tap'
import { type BindingOptions, type FastifyRefreshTokenOptions, fastifyRefreshToken } from '../../lib/index.js'
import { buildApp, SECRET } from '../support/build-app.js'
import { createInjectFetch } from '../support/inject-fetch.js'
import { GENERATE } from '../support/key-pairs.js'

const PATH = '/.well-known/oauth-authorization-server'
const issuer = 'https://auth.example.com'

function withMetadata(
  options: Partial<FastifyRefreshTokenOptions> = {}
): Partial<FastifyRefreshTokenOptions> {
  return {
    ...options,
    accessToken: { issuer, ...options.accessToken },
    routes: { serverMetadata: true, ...options.routes }
  }
}

t.test('names the endpoints that are enabled', async (t) => {
  const { app } = await buildApp(t, { options: withMetadata() })
  const response = await app.inject(PATH)
  t.equal(response.statusCode, 200)
  t.match(response.headers['content-type'], /^application\/json/)
  t.strictSame(response.json(), {
    response_types_supported: [],
    token_endpoint: `${issuer}/auth/refresh`,
    token_endpoint_auth_methods_supported: ['none'],
    grant_types_supported: ['refresh_token'],
    revocation_endpoint: `${issuer}/auth/logout`,
    revocation_endpoint_auth_methods_supported: ['none'],
    dpop_signing_alg_values_supported: ['ES256'],
    issuer
  })
})

t.test('follows the options of the routes', async (t) => {
  const { app } = await buildApp(t, {
    options: withMetadata({
      accessToken: { algorithm: 'EdDSA', keys: [GENERATE.EdDSA().privateKey] },
      routes: { prefix: '/login', refresh: false, logout: false, introspect: true, jwks: true },
      oauth: { canIntrospect: () => true }
    })
  })
  t.strictSame((await app.inject(PATH)).json(), {
    response_types_supported: [],
    introspection_endpoint: `${issuer}/login/introspect`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    dpop_signing_alg_values_supported: ['ES256'],
    issuer
  })
})

for (const [mode, algorithms] of [
  ['required', ['ES256']],
  [() => 'optional', ['ES256']],
  ['off', undefined]
] as [BindingOptions['mode'], string[] | undefined][]) {
  t.test(`names the algorithm of proofs, unless the mode is 'off': ${mode}`, async (t) => {
    const { app } = await buildApp(t, { options: withMetadata({ binding: { mode } }) })
    t.strictSame((await app.inject(PATH)).json().dpop_signing_alg_values_supported, algorithms)
  })
}

t.test('oauth.serverMetadata adds members and replaces them', async (t) => {
  const serverMetadata = {
    scopes_supported: ['read', 'write'],
    token_endpoint: 'https://public.example.com/token',
    revocation_endpoint: undefined
  }
  const { app } = await buildApp(t, { options: withMetadata({ oauth: { serverMetadata } }) })
  const metadata = (await app.inject(PATH)).json()
  t.match(metadata, { issuer, scopes_supported: ['read', 'write'] })
  t.equal(metadata.token_endpoint, 'https://public.example.com/token')
  t.notOk('revocation_endpoint' in metadata)
})

for (const path of ['', '/', '/tenants/7', '/a-b_c.d~/']) {
  t.test(`an OAuth client finds the document of an issuer with the path '${path}'`, async (t) => {
    const accessToken = { issuer: issuer + path }
    const { app } = await buildApp(t, { options: withMetadata({ accessToken }) })
    const response = await oauth.discoveryRequest(new URL(accessToken.issuer), {
      algorithm: 'oauth2',
      [oauth.customFetch]: createInjectFetch(app, {}).fetch as never
    })
    const metadata = await response.json()
    t.equal(metadata.issuer, accessToken.issuer)
    t.equal(metadata.token_endpoint, `${issuer}/auth/refresh`, 'the origin of the issuer, without its path')
  })
}

t.test('the URLs have the prefix of the scope', async (t) => {
  const app = Fastify()
  t.after(() => app.close())
  const options = { secret: SECRET, routes: { login: false }, ...withMetadata({ routes: { login: false } }) }
  app.register(async (scope) => scope.register(fastifyRefreshToken, options), { prefix: '/v1' })
  const metadata = (await app.inject(`/v1${PATH}`)).json()
  t.equal(metadata.token_endpoint, `${issuer}/v1/auth/refresh`)
})

t.test('the route exists only if it is enabled', async (t) => {
  const { app } = await buildApp(t, { options: { accessToken: { issuer } } })
  t.equal((await app.inject(PATH)).statusCode, 404)
})

t.test('the response is cacheable, and needs no token', async (t) => {
  const { app } = await buildApp(t, {
    options: withMetadata(),
    extend: (app) => app.addHook('preHandler', app.authenticate)
  })
  const headers = { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' }
  const response = await app.inject({ url: PATH, headers })
  t.equal(response.statusCode, 200)
  t.equal(response.headers['cache-control'], 'public, max-age=300')
})

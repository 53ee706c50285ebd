import { jsonSchemaTransform, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import t from 'tap'
import { z } from 'zod'
import { type BindingOptions, type FastifyRefreshTokenOptions, fastifyRefreshToken } from '../../lib/index.js'
import { SECRET } from '../support/build-app.js'
import { GENERATE } from '../support/key-pairs.js'
import { buildDocumentedApp, documentOf, lint, type Operation, operationsOf } from '../support/openapi.js'

const FORM = 'application/x-www-form-urlencoded'
const JSON_TYPE = 'application/json'

const SETUPS: Record<string, Partial<FastifyRefreshTokenOptions>> = {
  'by cookie': {},
  'by body': { transport: 'body' },
  'by header': { transport: 'header' },
  'with a JWKS': {
    accessToken: { algorithm: 'EdDSA', keys: [GENERATE.EdDSA().privateKey] },
    routes: { jwks: true }
  },
  'with all routes': {
    accessToken: { algorithm: 'EdDSA', keys: [GENERATE.EdDSA().privateKey], issuer: 'https://auth.test' },
    routes: { jwks: true, serverMetadata: true, introspect: true },
    oauth: { canIntrospect: () => false }
  },
  'each transport, with other names': {
    transport: () => 'header',
    accessToken: { header: 'X-AUTH-TOKEN' },
    cookie: { name: 'X-REFRESH_TOKEN' },
    header: { refreshToken: 'X-RT', accessToken: 'X-AT' },
    routes: { prefix: '/:tenant/auth' }
  }
}

for (const [name, options] of Object.entries(SETUPS)) {
  for (const version of ['3.0.3', '3.1.0'] as const) {
    t.test(`the document is valid: ${name}, OpenAPI ${version}`, async (t) => {
      const document = documentOf(await buildDocumentedApp(t, { options, version }))
      t.strictSame(await lint(document), [])
    })
  }
}

t.test('each operation has a summary, its security and its responses', async (t) => {
  const operations = operationsOf(documentOf(await buildDocumentedApp(t)))
  const cookie = { refreshTokenCookie: [] }
  const bearer = { bearerAuth: [] }
  const expected: Record<string, [id: string, security: object[], statuses: string[]]> = {
    'POST /auth/login': ['authLogin', [], ['200', '400', '401', '403', '503']],
    'POST /auth/refresh': ['authRefresh', [cookie, {}], ['200', '400', '401', '403', '503']],
    'POST /auth/logout': ['authLogout', [cookie, bearer, {}], ['200', '400', '401', '403', '503']],
    'POST /auth/logout-all': ['authLogoutAll', [bearer], ['200', '401', '503']],
    'POST /auth/logout-others': ['authLogoutOthers', [bearer], ['200', '401', '503']],
    'GET /auth/sessions': ['authListSessions', [bearer], ['200', '401', '503']],
    'PATCH /auth/sessions/{id}': ['authRenameSession', [bearer], ['200', '400', '401', '404', '503']],
    'DELETE /auth/sessions/{id}': ['authRevokeSession', [bearer], ['200', '401', '404', '503']]
  }
  t.strictSame(Object.keys(operations), Object.keys(expected))
  for (const [route, [operationId, security, statuses]] of Object.entries(expected)) {
    const operation = operations[route]!
    t.match(operation, { operationId, tags: ['auth'], summary: /\w/ }, route)
    t.strictSame(operation.security, security, route)
    t.strictSame(Object.keys(operation.responses), statuses, route)
    t.ok(operation.responses['503']?.headers?.['retry-after'], route)
    const unauthorized = operation.responses['401']
    t.equal(unauthorized?.headers?.['www-authenticate'] !== undefined, unauthorized !== undefined, route)
  }
})

t.test('options add the errors of step-up authentication and of the session limit', async (t) => {
  const options = { routes: { stepUp: { acr: 'otp' } }, session: { onLimit: 'reject' } } as const
  const operations = operationsOf(documentOf(await buildDocumentedApp(t, { options })))
  const mentions = (code: string) =>
    Object.keys(operations).filter((route) => JSON.stringify(operations[route]?.responses).includes(code))
  t.strictSame(mentions('FRT_ERR_INSUFFICIENT_AUTHENTICATION'), [
    'POST /auth/logout-all',
    'POST /auth/logout-others',
    'DELETE /auth/sessions/{id}'
  ])
  t.strictSame(mentions('FRT_ERR_SESSION_LIMIT'), ['POST /auth/login'])
})

t.test('accessToken.read adds the CSRF error to guarded routes', async (t) => {
  const app = await buildDocumentedApp(t, { options: { accessToken: { read: () => null } } })
  const operations = operationsOf(documentOf(app))
  const rejected = Object.keys(operations).filter((route) => operations[route]?.responses['403'])
  const guarded = [
    'POST /auth/logout-all',
    'POST /auth/logout-others',
    'PATCH /auth/sessions/{id}',
    'DELETE /auth/sessions/{id}'
  ]
  t.strictSame(rejected, ['POST /auth/login', 'POST /auth/refresh', 'POST /auth/logout', ...guarded])

  const headers = { 'sec-fetch-site': 'cross-site' }
  const answer = await app.inject({ method: 'POST', url: '/auth/logout-all', headers })
  t.strictSame(
    answer.json(),
    operations['POST /auth/logout-all']?.responses['403']?.content['application/json']?.example
  )
})

t.test('the JWKS route is documented if it is enabled', async (t) => {
  const { paths } = documentOf(await buildDocumentedApp(t, { options: SETUPS['with a JWKS']! }))
  const { operationId, security, responses } = paths['/.well-known/jwks.json']!.get
  t.equal(operationId, 'listKeys')
  t.strictSame(security, [])
  t.ok(responses['200']?.content[JSON_TYPE]?.schema.properties.keys)
})

t.test('the routes for OAuth clients and services are documented if they are enabled', async (t) => {
  const { paths } = documentOf(await buildDocumentedApp(t, { options: SETUPS['with all routes']! }))
  t.equal(paths['/.well-known/oauth-authorization-server']?.get.operationId, 'serverMetadata')
  const { operationId, requestBody, responses } = paths['/auth/introspect']!.post
  t.equal(operationId, 'authIntrospect')
  t.strictSame(Object.keys(requestBody?.content ?? {}), [FORM])
  t.strictSame(requestBody?.content[FORM]?.schema.required, ['token'])
  t.strictSame(Object.keys(responses), ['200', '400', '401', '403', '503'])
  t.ok(responses['401']?.headers?.['www-authenticate'])
})

t.test('error examples equal the responses', async (t) => {
  const app = await buildDocumentedApp(t)
  const operations = operationsOf(documentOf(app))
  const { responses } = operations['POST /auth/refresh']!
  const example = (status: number) => {
    const { content } = responses[status] ?? {}
    return content?.[JSON_TYPE]?.example ?? content?.[JSON_TYPE]?.examples?.example1?.value
  }
  const refresh = (headers = {}) => app.inject({ method: 'POST', url: '/auth/refresh', headers })

  t.strictSame((await refresh()).json(), example(401))
  t.match(responses['401']?.description, 'FRT_ERR_REFRESH_TOKEN_REUSED')
  t.match(Object.keys(responses['401']?.headers ?? {}), ['www-authenticate', 'dpop-nonce', 'set-cookie'])
  t.match(responses['503']?.description, 'FRT_ERR_REFRESH_CONFLICT')
  t.strictSame((await refresh({ 'sec-fetch-site': 'cross-site' })).json(), example(403))
})

t.test('the document describes proofs of the key of a bound session', async (t) => {
  const document = async (binding: BindingOptions) =>
    operationsOf(documentOf(await buildDocumentedApp(t, { options: { binding } })))
  const describe = ({ parameters, responses }: Operation) => ({
    readsProof: (parameters ?? []).some(
      ({ in: place, name, required }) => place === 'header' && name === 'dpop' && !required
    ),
    nonces: Object.keys(responses).filter((status) => responses[status]?.headers?.['dpop-nonce'])
  })
  const codes = ['REQUIRED', 'INVALID', 'NONCE', 'KEY_MISMATCH'].map((name) => `FRT_ERR_PROOF_${name}`)

  const usual = await document({})
  for (const [name, statuses] of [
    ['login', ['401']],
    ['refresh', ['400', '401']],
    ['logout', ['400', '401']]
  ] as const) {
    const operation = usual[`POST /auth/${name}`]!
    t.strictSame(describe(operation), { readsProof: true, nonces: statuses }, name)
    const { description, content } = operation.responses['401']!
    for (const code of codes) t.match(description, code, name)
    t.ok(content[JSON_TYPE]?.schema.properties.nonce, name)
  }
  t.match(JSON.stringify(usual['POST /auth/refresh']?.responses['400']), 'use_dpop_nonce')
  for (const route of ['POST /auth/logout-all', 'GET /auth/sessions', 'DELETE /auth/sessions/{id}']) {
    t.strictSame(describe(usual[route]!), { readsProof: false, nonces: [] }, route)
    t.notOk(usual[route]?.responses['401']?.content[JSON_TYPE]?.schema.properties.nonce, route)
  }

  const always = await document({ nonce: 'always' })
  t.strictSame(describe(always['POST /auth/login']!).nonces, ['200', '401'])
  t.strictSame(describe(always['POST /auth/refresh']!).nonces, ['200', '400', '401'])

  const off = await document({ mode: 'off' })
  t.strictSame(describe(off['POST /auth/login']!), { readsProof: false, nonces: [] })
  t.notMatch(off['POST /auth/login']?.responses['401']?.description, 'PROOF')
  t.strictSame(describe(off['POST /auth/refresh']!), { readsProof: true, nonces: ['400', '401'] })
})

t.test('the document describes the tokens of each transport', async (t) => {
  const of = async (options: Partial<FastifyRefreshTokenOptions>) => {
    const document = documentOf(await buildDocumentedApp(t, { options }))
    const { requestBody, responses, security } = document.paths['/auth/refresh']!.post
    const ok = responses['200']!
    return {
      schemes: Object.keys(document.components.securitySchemes),
      security,
      bodies: Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) => [type, schema.required]),
      headers: Object.keys(ok.headers ?? {}),
      required: ok.content[JSON_TYPE]?.schema.required
    }
  }
  const pair = ['access_token', 'token_type', 'expires_in']
  const form = [FORM, ['grant_type', 'refresh_token']]

  t.strictSame(await of({}), {
    schemes: ['bearerAuth', 'refreshTokenCookie'],
    security: [{ refreshTokenCookie: [] }, {}],
    bodies: [],
    headers: ['set-cookie'],
    required: pair
  })
  t.strictSame(await of({ transport: 'body' }), {
    schemes: ['bearerAuth'],
    security: [{}],
    bodies: [[JSON_TYPE, ['refresh_token']], form],
    headers: [],
    required: [...pair, 'refresh_token', 'refresh_token_expires_in']
  })
  t.strictSame(await of({ transport: 'header', header: { refreshToken: 'X-RT' } }), {
    schemes: ['bearerAuth', 'refreshTokenHeader'],
    security: [{ refreshTokenHeader: [] }, {}],
    bodies: [],
    headers: ['x-rt', 'x-access-token'],
    required: pair
  })
  t.strictSame(await of({ transport: () => 'cookie' }), {
    schemes: ['bearerAuth', 'refreshTokenCookie', 'refreshTokenHeader'],
    security: [{ refreshTokenCookie: [] }, { refreshTokenHeader: [] }, {}],
    bodies: [[JSON_TYPE, undefined], form],
    headers: ['set-cookie', 'x-refresh-token', 'x-access-token'],
    required: pair
  })
})

t.test('the document describes the logout of each transport', async (t) => {
  const { requestBody } = documentOf(await buildDocumentedApp(t, { options: { transport: 'body' } })).paths[
    '/auth/logout'
  ]!.post
  t.strictSame(Object.keys(requestBody?.content ?? {}), [JSON_TYPE, FORM])
  t.strictSame(requestBody?.content[FORM]?.schema.required, ['token'])
})

t.test('the login body has the schema of the app', async (t) => {
  const body = {
    type: 'object',
    required: ['username'],
    properties: { username: { type: 'string', minLength: 2 } }
  }
  const app = await buildDocumentedApp(t, { options: { routes: { login: { schema: { body } } } } })
  const { requestBody } = documentOf(app).paths['/auth/login']!.post
  t.strictSame(requestBody?.content[JSON_TYPE]?.schema, body)
  t.equal((await app.inject({ method: 'POST', url: '/auth/login', payload: {} })).statusCode, 400)
})

t.test('route options of the app override the documentation of the plugin', async (t) => {
  const document = documentOf(
    await buildDocumentedApp(t, {
      options: {
        routes: {
          login: {
            schema: { tags: ['people'], summary: 'Come in', operationId: 'comeIn', security: [{ key: [] }] }
          },
          logoutAll: { schema: { hide: true } }
        }
      },
      schemes: { key: { type: 'apiKey', in: 'header', name: 'x-key' } }
    })
  )
  t.match(document.paths['/auth/login']?.post, {
    tags: ['people'],
    summary: 'Come in',
    operationId: 'comeIn',
    security: [{ key: [] }]
  })
  t.notOk(document.paths['/auth/logout-all'])
})

t.test('adds the security schemes that the app has not declared, and keeps those that it has', async (t) => {
  const undeclared = documentOf(await buildDocumentedApp(t, { schemes: {} }))
  t.strictSame(await lint(undeclared), [])
  t.match(undeclared.components.securitySchemes, { bearerAuth: { type: 'http' } })

  const bearerAuth = { type: 'http', scheme: 'bearer', description: 'mine' }
  const declared = documentOf(await buildDocumentedApp(t, { schemes: { bearerAuth } }))
  t.strictSame(declared.components.securitySchemes.bearerAuth, bearerAuth)
  t.ok(declared.components.securitySchemes.refreshTokenCookie)
})

t.test('two registrations in one app produce a valid document', async (t) => {
  const app = await buildDocumentedApp(t, {
    extend: (app) =>
      app.register(async (staff) => {
        await staff.register(fastifyRefreshToken, {
          secret: SECRET,
          login: () => null,
          keyPrefix: 'staff:',
          routes: { prefix: '/staff/auth' }
        })
      })
  })
  const document = documentOf(app)
  t.strictSame(await lint(document), [])
  t.equal(document.paths['/staff/auth/logout-all']?.post.operationId, 'staffAuthLogoutAll')
})

t.test('operation ids have no prefix if the routes have none', async (t) => {
  const document = documentOf(await buildDocumentedApp(t, { options: { routes: { prefix: '' } } }))
  t.equal(document.paths['/login']?.post.operationId, 'login')
})

t.test('a document of Swagger 2.0 is valid', async (t) => {
  const app = await buildDocumentedApp(t, { swagger: { swagger: {} } })
  t.match(app.swagger(), { swagger: '2.0', paths: { '/auth/login': { post: { summary: 'Log in' } } } })
})

t.test('a transform of the app is not applied to the schemas of the plugin', async (t) => {
  const app = await buildDocumentedApp(t, {
    swagger: { openapi: { openapi: '3.1.0' }, transform: jsonSchemaTransform },
    extend(app) {
      app.setValidatorCompiler(validatorCompiler)
      app.setSerializerCompiler(serializerCompiler)
      app.post('/double', { schema: { tags: ['own'], body: z.object({ n: z.number() }) } }, async () => ({}))
    }
  })
  const { paths } = documentOf(app)
  t.match(paths['/double']?.post.requestBody?.content[JSON_TYPE]?.schema, {
    properties: { n: { type: 'number' } }
  })
  t.match(paths['/auth/refresh']?.post.responses['200']?.content[JSON_TYPE]?.schema, {
    properties: { access_token: { type: 'string' } }
  })
})

t.test('a Zod schema for the login is converted to a JSON schema', async (t) => {
  const body = z.toJSONSchema(z.object({ username: z.string().min(2) }), { target: 'draft-7' })
  const app = await buildDocumentedApp(t, { options: { routes: { login: { schema: { body } } } } })
  const document = documentOf(app)
  t.strictSame(await lint(document), [])
  t.match(document.paths['/auth/login']?.post.requestBody?.content[JSON_TYPE]?.schema, {
    properties: { username: { type: 'string', minLength: 2 } }
  })
  const login = (username: string) =>
    app.inject({ method: 'POST', url: '/auth/login', payload: { username } })
  t.equal((await login('a')).statusCode, 400)
  t.equal((await login('ada')).statusCode, 200)
})

t.test('a route uses the transform of the app if its config says so', async (t) => {
  const transform = () => ({ schema: { summary: 'transformed', tags: ['own'] }, url: '/elsewhere' })
  const app = await buildDocumentedApp(t, {
    swagger: { openapi: {}, transform },
    options: { routes: { login: { config: { swaggerTransform: undefined } } } } as object
  })
  const { paths } = documentOf(app)
  t.equal(paths['/elsewhere']?.post.summary, 'transformed')
  t.equal(paths['/auth/refresh']?.post.operationId, 'authRefresh')
})

t.test('a route uses a transform in its config', async (t) => {
  const swaggerTransform = () => ({ schema: { summary: 'transformed', tags: ['own'] }, url: '/elsewhere' })
  const app = await buildDocumentedApp(t, {
    options: { routes: { login: { config: { swaggerTransform } } } }
  })
  t.equal(documentOf(app).paths['/elsewhere']?.post.summary, 'transformed')
})

import { generateKeyPairSync } from 'node:crypto'
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { fastifyRefreshToken } from '../../lib/index.js'
import { buildApp, SECRET } from '../support/build-app.js'
import { Client } from '../support/client.js'

const MINUTE = 60_000

/** Asserts that all routes work as in an app without its own compilers. */
async function goThrough(t: Test, app: FastifyInstance): Promise<void> {
  const client = new Client(app)
  t.match((await client.login()).json(), { token_type: 'Bearer', expires_in: 300, access_token: String })
  t.match((await client.refresh()).json(), { token_type: 'Bearer', access_token: String })
  const { sessions } = (await client.call('/auth/sessions')).json()
  t.match(sessions, [{ current: true, metadata: { ip: '127.0.0.1' } }])
  const gone = await app.inject({
    method: 'DELETE',
    url: '/auth/sessions/unknown',
    headers: client.accessHeaders()
  })
  t.equal(gone.json().code, 'FRT_ERR_SESSION_NOT_FOUND')
  t.equal(
    (await app.inject({ method: 'POST', url: '/auth/refresh' })).json().code,
    'FRT_ERR_NO_REFRESH_TOKEN'
  )
  const everywhere = await app.inject({
    method: 'POST',
    url: '/auth/logout-all',
    headers: client.accessHeaders()
  })
  t.same(everywhere.json(), { revoked: 1 })
  t.same((await client.logout()).json(), {})
}

function useZod(app: FastifyInstance): void {
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
}

for (const when of ['prepare', 'extend'] as const) {
  t.test(`app-wide Zod compilers do not affect the plugin's routes (${when})`, async (t) => {
    const { app } = await buildApp(t, {
      [when]: useZod,
      ...(when === 'prepare' && {
        extend(app: FastifyInstance) {
          app.withTypeProvider<ZodTypeProvider>().route({
            method: 'POST',
            url: '/double',
            schema: {
              body: z.object({ n: z.number() }),
              response: { 200: z.object({ doubled: z.number() }) }
            },
            handler: async ({ body }) => ({ doubled: body.n * 2 })
          })
        }
      })
    })
    await goThrough(t, app)
    if (when !== 'prepare') return
    const double = (payload: object) => app.inject({ method: 'POST', url: '/double', payload })
    t.same(
      (await double({ n: 2 })).json(),
      { doubled: 4 },
      'the compilers of the plugin do not affect the app'
    )
    t.equal((await double({ n: 'two' })).statusCode, 400)
  })
}

t.test('compilers that reject everything do not affect the routes of the plugin', async (t) => {
  const { app } = await buildApp(t, {
    prepare(app) {
      app.setValidatorCompiler(() => () => ({ error: new Error('never valid') }))
      app.setSerializerCompiler(() => () => {
        throw new Error('never serialized')
      })
    }
  })
  await goThrough(t, app)
})

t.test('a Zod schema works for the login with its own compilers', async (t) => {
  const body = z.object({ username: z.string().min(2), password: z.string() })
  const { app } = await buildApp(t, {
    options: {
      login({ body: input }) {
        const { username, password } = input as z.infer<typeof body>
        return password === 'lovelace' ? { sub: username } : null
      },
      routes: { login: { schema: { body }, validatorCompiler } }
    }
  })
  const login = (payload: object) => app.inject({ method: 'POST', url: '/auth/login', payload })
  const rejected = await login({ username: 'a' })
  t.equal(rejected.statusCode, 400)
  t.equal(rejected.json().code, 'FST_ERR_VALIDATION')
  t.equal((await login({ username: 'ada', password: 'x' })).statusCode, 401)
  const response = await login({ username: 'ada', password: 'lovelace' })
  t.equal(response.statusCode, 200)
  t.match(await app.sessions.verify(response.json().access_token), { sub: 'ada' })
})

t.test('the login schema can refer to a shared schema of the app', async (t) => {
  const { app } = await buildApp(t, {
    prepare(app) {
      app.addSchema({
        $id: 'credentials',
        type: 'object',
        required: ['sub'],
        properties: { sub: { type: 'string', minLength: 2 } }
      })
      app.addSchema({
        $id: 'problem',
        type: 'object',
        properties: { code: { type: 'string' }, message: { type: 'string' } }
      })
    },
    options: {
      routes: {
        login: { schema: { body: { $ref: 'credentials#' }, response: { 401: { $ref: 'problem#' } } } },
        refresh: { schema: { response: { 401: { $ref: 'problem#' } } } }
      }
    }
  })
  const login = (payload: object) => app.inject({ method: 'POST', url: '/auth/login', payload })
  t.equal((await login({ sub: 'ada' })).statusCode, 200)
  t.equal((await login({ sub: 'a' })).statusCode, 400)
  t.equal((await login({})).statusCode, 400)
  const rejected = await app.inject({ method: 'POST', url: '/auth/refresh' })
  t.same(rejected.json(), { code: 'FRT_ERR_NO_REFRESH_TOKEN', message: 'A refresh token is required' })
  t.equal(rejected.headers['www-authenticate'], 'Bearer realm="api"')
})

t.test('a 401 schema of the app does not remove the nonce for a proof', async (t) => {
  const schema = {
    response: { 401: { type: 'object', properties: { code: { type: 'string' } } } }
  }
  const { app } = await buildApp(t, {
    options: { binding: { nonce: 'always' }, routes: { login: { schema } } }
  })
  const client = new Client(app, { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }) })
  const rejected = await client.login()
  t.equal(rejected.statusCode, 401)
  t.strictSame(rejected.json(), { code: 'FRT_ERR_PROOF_NONCE', nonce: rejected.headers['dpop-nonce'] })
  t.equal((await client.login()).statusCode, 200)
})

t.test('an error handler with its own challenge does not remove the nonce for a proof', async (t) => {
  const { app } = await buildApp(t, {
    options: { binding: { nonce: 'always' } },
    prepare: (app) =>
      app.setErrorHandler((_error, _request, reply) => {
        reply.code(401).header('www-authenticate', 'Custom').send('rejected')
      })
  })
  const client = new Client(app, { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }) })
  const rejected = await client.login()
  t.equal(rejected.body, 'rejected')
  t.equal(rejected.headers['www-authenticate'], 'Custom')
  t.match(rejected.headers['dpop-nonce'], /^[\w-]{22}$/)
  t.equal((await client.login()).statusCode, 200)
})

/** Error formats of apps. The routes of the plugin must return them unchanged, like the routes of the app. */
const SHAPES: Record<string, (error: FastifyError) => object> = {
  'a flat object': ({ code, message }) => ({ code, message, hint: 'none' }),
  'an error in an object': ({ code, message }) => ({ error: { code, message } }),
  'a status of words': ({ code }) => ({ statusCode: 'fail', code }),
  'a list of errors': ({ code, message }) => ({ errors: [{ code, message }] }),
  'a structured message': ({ code, message }) => ({ code, message: { text: message, args: [1] } }),
  'a list': ({ code }) => [code],
  'RFC 9457': ({ code, message, statusCode }) => ({
    type: `https://errors.example/${code}`,
    title: message,
    status: statusCode
  })
}

for (const [name, shape] of Object.entries(SHAPES)) {
  t.test(`an error handler of the app also formats errors of the plugin's routes: ${name}`, async (t) => {
    const { app, advance } = await buildApp(t, {
      prepare(app) {
        app.setErrorHandler((error: FastifyError, _request, reply) => {
          reply.code(error.statusCode ?? 500).send(shape(error))
        })
      }
    })
    const client = new Client(app)
    await client.login()
    const cookie = `__Host-refresh_token=${client.jar.refreshToken}`
    const post = (url: string, headers: Record<string, string> = {}) =>
      app.inject({ method: 'POST', url, headers })
    const expected = (code: string, message: string, statusCode: number) =>
      JSON.parse(JSON.stringify(shape(Object.assign(new Error(message), { code, statusCode, name: code }))))

    const rejected = await post('/auth/refresh')
    t.equal(rejected.statusCode, 401)
    t.strictSame(rejected.json(), expected('FRT_ERR_NO_REFRESH_TOKEN', 'A refresh token is required', 401))
    t.equal(rejected.headers['www-authenticate'], 'Bearer realm="api"')

    const login = await post('/auth/login')
    t.equal(login.statusCode, 401)
    t.same(login.json(), expected('FRT_ERR_INVALID_CREDENTIALS', 'The credentials are invalid', 401))

    const foreign = await post('/auth/logout', { cookie, 'sec-fetch-site': 'cross-site' })
    t.equal(foreign.statusCode, 403)
    t.same(foreign.json(), expected('FRT_ERR_CROSS_ORIGIN', 'Requests from this origin are not allowed', 403))

    const unknown = await app.inject({
      method: 'DELETE',
      url: '/auth/sessions/x',
      headers: client.accessHeaders()
    })
    t.equal(unknown.statusCode, 404)
    t.same(unknown.json(), expected('FRT_ERR_SESSION_NOT_FOUND', 'The session does not exist', 404))

    await advance(6 * MINUTE)
    const guarded = await client.call()
    t.same(guarded.json(), expected('FRT_ERR_ACCESS_TOKEN_EXPIRED', 'The access token has expired', 401))
  })
}

t.test('a response that login sends is unchanged', async (t) => {
  const answer = { challenge: 'otp', access_token: null, expires_in: 'soon', list: [1, { deep: true }] }
  const { app } = await buildApp(t, { options: { login: (_request, reply) => reply.send(answer) } })
  const response = await app.inject({ method: 'POST', url: '/auth/login', payload: {} })
  t.strictSame(response.json(), answer)
})

t.test('documented bodies are not validated', async (t) => {
  const { app } = await buildApp(t, { options: { transport: 'body' } })
  const post = (url: string, payload: object) => app.inject({ method: 'POST', url, payload })
  t.equal((await post('/auth/refresh', {})).json().code, 'FRT_ERR_NO_REFRESH_TOKEN')
  t.equal((await post('/auth/refresh', { refresh_token: 1 })).json().code, 'FRT_ERR_REFRESH_TOKEN_INVALID')
  t.equal((await post('/auth/logout', { refresh_token: '' })).statusCode, 200)
})

t.test('documented bodies are not validated by a compiler of the app', async (t) => {
  const headers = z.object({ 'x-client': z.string() })
  const { app } = await buildApp(t, {
    options: { transport: 'body', routes: { refresh: { schema: { headers }, validatorCompiler } } }
  })
  const refresh = (headers: Record<string, string>) =>
    app.inject({ method: 'POST', url: '/auth/refresh', headers, payload: {} })
  t.equal((await refresh({})).json().code, 'FST_ERR_VALIDATION')
  t.equal((await refresh({ 'x-client': 'a' })).json().code, 'FRT_ERR_NO_REFRESH_TOKEN')
})

t.test('a body that does not match the login schema returns the error of Fastify', async (t) => {
  const schema = { body: { type: 'object', required: ['sub'] } }
  const { app } = await buildApp(t, { options: { routes: { login: { schema } } } })
  const response = await app.inject({ method: 'POST', url: '/auth/login', payload: {} })
  t.strictSame(response.json(), {
    statusCode: 400,
    code: 'FST_ERR_VALIDATION',
    error: 'Bad Request',
    message: "body must have required property 'sub'"
  })
})

t.test('claims and metadata are returned completely', async (t) => {
  const { app } = await buildApp(t)
  const claims = { roles: ['a', 'b'], deep: { a: [{ b: null }] }, text: 'ünï\u2028', n: 1.5, yes: true }
  const metadata = { device: { name: 'Ada’s phone', tags: ['x'] }, last: null }
  const client = new Client(app)
  await client.login({ sub: 'ada', claims, metadata })
  t.match((await client.call()).json(), claims)
  t.match((await client.call('/auth/sessions')).json().sessions, [{ metadata }])
})

t.test('the body of the login is not coerced', async (t) => {
  const bodies: unknown[] = []
  const { app } = await buildApp(t, {
    options: {
      login({ body }) {
        bodies.push(body)
        return null
      }
    }
  })
  const payload = { n: '1', extra: { deep: true }, list: [1, '2'] }
  await app.inject({ method: 'POST', url: '/auth/login', payload })
  t.same(bodies, [payload])
})

const CREDENTIALS = {
  $id: 'credentials',
  type: 'object',
  required: ['sub'],
  properties: { sub: { type: 'string', maxLength: 5 } }
}
const BANNER = { $id: 'banner', type: 'object', properties: { shown: { type: 'string' } } }

t.test('schemas that are added after the registration can be referenced', async (t) => {
  const { app } = await buildApp(t, {
    options: {
      login: ({ body }, reply) => {
        const { sub } = body as { sub: string }
        return sub === 'eve' ? reply.code(403).send({ shown: 'locked', hidden: 'reason' }) : { sub }
      },
      routes: {
        login: { schema: { body: { $ref: 'credentials#' }, response: { 403: { $ref: 'banner#' } } } }
      }
    },
    extend(app) {
      app.addSchema(CREDENTIALS)
      app.addSchema(BANNER)
    }
  })
  const login = (sub: string) => app.inject({ method: 'POST', url: '/auth/login', payload: { sub } })
  t.equal((await login('ada')).statusCode, 200)
  t.equal((await login('too long')).json().code, 'FST_ERR_VALIDATION')
  t.strictSame((await login('eve')).json(), { shown: 'locked' })
})

t.test('schemas that are added after the registration in a child scope can be referenced', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(async (scope) => {
    await scope.register(fastifyRefreshToken, {
      secret: SECRET,
      login: ({ body }) => body as { sub: string },
      routes: { login: { schema: { body: { $ref: 'credentials#' } } } }
    })
    scope.addSchema(CREDENTIALS)
  })
  await app.ready()
  const login = (sub: string) => app.inject({ method: 'POST', url: '/auth/login', payload: { sub } })
  t.equal((await login('ada')).statusCode, 200)
  t.equal((await login('too long')).json().code, 'FST_ERR_VALIDATION')
})

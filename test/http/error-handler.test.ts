import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp } from '../support/build-app.js'

// `app.setErrorHandler` before the plugin and after it.

type Handler = (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => unknown

const post = { method: 'POST' } as const
const json = { 'content-type': 'application/json' }

/** One error of each phase of a request, and the status that the plugin gives it. */
const REQUESTS: Record<string, [status: number, request: InjectOptions]> = {
  onRequest: [403, { ...post, url: '/auth/refresh', headers: { origin: 'https://evil.example' } }],
  parsing: [400, { ...post, url: '/auth/login', headers: json, payload: '{' }],
  'an unknown type': [
    415,
    { ...post, url: '/auth/login', headers: { 'content-type': 'text/plain' }, payload: 'x' }
  ],
  validation: [400, { ...post, url: '/auth/login', payload: { sub: {} } }],
  'the handler': [401, { ...post, url: '/auth/refresh' }],
  'an error of the application': [500, { ...post, url: '/auth/login', payload: { sub: 'fail' } }],
  'a value that is no error': [500, { ...post, url: '/auth/login', payload: { sub: 'throw' } }],
  'a guarded route': [401, { method: 'GET', url: '/auth/sessions' }]
}

const HANDLERS: Record<string, Handler> = {
  'that sends': (_error, _request, reply) => void reply.code(418).send({ own: true }),
  'that returns': async (error) => ({ own: error?.code }),
  'that sends the error': (error, _request, reply) => reply.send(error),
  'that throws the error': (error) => {
    throw error
  },
  'that throws another error': () => {
    throw Object.assign(new Error('another'), { statusCode: 409 })
  },
  'that rejects': async () => {
    throw Object.assign(new Error('later'), { statusCode: 410 })
  }
}

function login({ body }: FastifyRequest) {
  const { sub } = body as { sub: string }
  if (sub === 'fail') throw new Error('failed')
  if (sub === 'throw') throw 'text'
  return { sub }
}

const schema = { body: { type: 'object', properties: { sub: { type: 'string' } } } }
const options = { login, routes: { login: { schema } } }

/** Builds an app and returns what it answers and logs for each request. */
async function answersOf(t: Test, build: Parameters<typeof buildApp>[1]) {
  const { app, logs } = await buildApp(t, { options, ...build })
  const answers: Record<string, unknown> = {}
  for (const [name, [, request]] of Object.entries(REQUESTS)) {
    logs.length = 0
    const { statusCode, body, headers } = await app.inject(request)
    const lines = logs
      .map(({ level, msg }) => [level, msg])
      .filter(([, msg]) => !/^(incoming|request)/.test(String(msg)))
    answers[name] = { statusCode, body, challenge: headers['www-authenticate'], lines }
  }
  return answers
}

for (const [name, handler] of Object.entries(HANDLERS)) {
  t.test(`an error handler ${name} does the same before and after the plugin`, async (t) => {
    const set = (app: FastifyInstance) => app.setErrorHandler(handler)
    const answers: unknown[] = []
    for (const build of [{ prepare: set }, { extend: set }]) {
      await t.test(Object.keys(build).join(), async (t) => {
        answers.push(await answersOf(t, build))
      })
    }
    t.same(answers[1], answers[0])
  })
}

t.test('an error handler after the plugin gets the error of each phase', async (t) => {
  const { app } = await buildApp(t, {
    options,
    extend: (app) => app.setErrorHandler((_error, _request, reply) => reply.code(418).send({ own: true }))
  })
  for (const [phase, [, request]] of Object.entries(REQUESTS)) {
    const response = await app.inject(request)
    t.equal(response.statusCode, 418, phase)
    t.same(response.json(), { own: true }, phase)
  }
})

t.test('without an error handler, an error is answered and logged once as in any other route', async (t) => {
  const answers = await answersOf(t, {})
  for (const [phase, [status]] of Object.entries(REQUESTS)) {
    const { statusCode, lines } = answers[phase] as { statusCode: number; lines: unknown[] }
    t.equal(statusCode, status, phase)
    t.equal(lines.length, 1, phase)
  }
})

t.test('the last error handler of the scope counts', async (t) => {
  const { app } = await buildApp(t, {
    prepare: (app) => app.setErrorHandler((_error, _request, reply) => reply.code(418).send({ first: true })),
    extend: (app) => app.setErrorHandler((_error, _request, reply) => reply.code(418).send({ second: true }))
  })
  t.same((await app.inject({ ...post, url: '/auth/refresh' })).json(), { second: true })
})

t.test('an error handler of a scope beside or below the plugin does not reach its routes', async (t) => {
  const { app } = await buildApp(t, {
    extend(app) {
      app.register(async (scope) => {
        scope.setErrorHandler((_error, _request, reply) => reply.code(418).send({ own: true }))
      })
    }
  })
  t.equal((await app.inject({ ...post, url: '/auth/refresh' })).json().code, 'FRT_ERR_NO_REFRESH_TOKEN')
})

t.test('the error handler of a route takes precedence', async (t) => {
  const { app } = await buildApp(t, {
    options: {
      routes: {
        refresh: { errorHandler: (_error, _request, reply) => void reply.code(418).send({ route: true }) }
      }
    },
    extend: (app) => app.setErrorHandler((_error, _request, reply) => reply.code(418).send({ app: true }))
  })
  t.same((await app.inject({ ...post, url: '/auth/refresh' })).json(), { route: true })
})

import { request as httpRequest } from 'node:http'
import { json } from 'node:stream/consumers'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp, listen } from '../support/build-app.js'
import { Client } from '../support/client.js'

// What browsers, command line tools and HTTP libraries send besides JSON: forms without OAuth parameters, and empty bodies.

const FORM = 'application/x-www-form-urlencoded'
const COOKIE = '__Host-refresh_token'

interface Answer {
  status: number
  body: Record<string, unknown>
  cookies: string[]
}

/** Sends a request over a socket, because `inject` knows the length of each body. `null` sends no body at all. */
async function post(
  origin: string,
  path: string,
  headers: Record<string, string>,
  body: string | null = null
): Promise<Answer> {
  const request = httpRequest(`${origin}/auth${path}`, { method: 'POST', headers })
  request.end(body)
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    request.on('response', resolve).on('error', reject)
  })
  const { statusCode = 0, headers: received } = response
  return {
    status: statusCode,
    body: (await json(response)) as Answer['body'],
    cookies: received['set-cookie'] ?? []
  }
}

async function loggedIn(app: FastifyInstance): Promise<{ cookie: string }> {
  const client = new Client(app)
  await client.login({ sub: 'ada' })
  return { cookie: `${COOKIE}=${client.jar.refreshToken}` }
}

async function countSessions(app: FastifyInstance): Promise<number> {
  return (await app.sessions.list('ada')).length
}

/** A form as browsers and tools send it, without OAuth parameters. */
const FORMS: [sender: string, body: string][] = [
  ["curl -d '', wget --post-data '', axios.post(url, null), a form without fields", ''],
  ['a form with a button and a CSRF token', 'button=Log+out&_csrf=1'],
  ['a form with a parameter named like a prototype', '__proto__=token&constructor=grant_type']
]

for (const [sender, body] of FORMS) {
  t.test(`a form without OAuth parameters uses the cookie: ${sender}`, async (t) => {
    const { app } = await buildApp(t)
    const origin = await listen(app)
    const headers = { ...(await loggedIn(app)), 'content-type': FORM }

    const refreshed = await post(origin, '/refresh', headers, body)
    t.equal(refreshed.status, 200)
    t.match(refreshed.cookies, [new RegExp(`^${COOKIE}=[\\w-]{92};`)])
    t.notOk('refresh_token' in refreshed.body)

    const out = await post(origin, '/logout', headers, body)
    t.equal(out.status, 200)
    t.match(out.cookies, [new RegExp(`^${COOKIE}=;`)])
    t.equal(await countSessions(app), 0)
  })
}

for (const transport of ['cookie', 'body', 'header'] as const) {
  t.test(`a form without any token is answered like JSON, with transport ${transport}`, async (t) => {
    const { app } = await buildApp(t, { options: { transport } })
    const origin = await listen(app)
    for (const [sender, body] of FORMS) {
      const refreshed = await post(origin, '/refresh', { 'content-type': FORM }, body)
      t.match(refreshed, { status: 401, body: { code: 'FRT_ERR_NO_REFRESH_TOKEN' } }, sender)
      t.match(await post(origin, '/logout', { 'content-type': FORM }, body), { status: 200, body: {} })
    }
  })
}

t.test('a form without OAuth parameters from another site is rejected', async (t) => {
  const { app } = await buildApp(t)
  const cookie = await loggedIn(app)
  const headers = { ...cookie, 'content-type': FORM, origin: 'https://evil.example' }
  for (const path of ['/logout', '/refresh']) {
    const response = await app.inject({ method: 'POST', url: `/auth${path}`, headers, payload: 'a=1' })
    t.equal(response.json().code, 'FRT_ERR_CROSS_ORIGIN', path)
  }
  t.equal(await countSessions(app), 1)
})

t.test('a form without OAuth parameters uses the header of the transport header', async (t) => {
  const { app } = await buildApp(t, { options: { transport: 'header' } })
  const { refreshToken } = await app.sessions.create({ sub: 'ada' })
  const headers = { 'x-refresh-token': refreshToken, 'content-type': FORM }
  const response = await app.inject({ method: 'POST', url: '/auth/refresh', headers, payload: '' })
  t.equal(response.statusCode, 200)
  t.ok(response.headers['x-refresh-token'])
})

t.test('a form with some OAuth parameters returns invalid_request for the missing ones', async (t) => {
  const { app } = await buildApp(t)
  const cookie = await loggedIn(app)
  for (const headers of [{}, cookie]) {
    for (const [path, payload] of [
      ['/refresh', 'grant_type=refresh_token'],
      ['/refresh', 'refresh_token='],
      ['/refresh', 'token=x'],
      ['/logout', 'refresh_token=x'],
      ['/logout', 'token=']
    ] as const) {
      const response = await app.inject({
        method: 'POST',
        url: `/auth${path}`,
        headers: { ...headers, 'content-type': FORM },
        payload
      })
      t.equal(response.statusCode, 400, `${path} ${payload}`)
      t.equal(response.json().error, 'invalid_request')
    }
  }
  t.equal(await countSessions(app), 1, 'the session of the cookie is untouched')
})

/** Each type that a client sends with an empty body. `undefined` sends none. */
const TYPES = [
  undefined,
  'text/plain',
  'text/plain;charset=UTF-8',
  'application/json',
  'application/json; charset=utf-8',
  FORM,
  'application/octet-stream',
  'multipart/form-data; boundary=x',
  'application/xml'
]

/** Not media types, and sent by clients that are configured with `undefined`, `false` or an empty string. */
const INVALID_TYPES = ['', 'undefined', 'false', 'json', ';charset=utf-8']

/** The ways in which HTTP/1.1 says that a body is empty. */
const EMPTY: Record<string, Record<string, string>> = {
  'a length of 0': { 'content-length': '0' },
  'no chunks': { 'transfer-encoding': 'chunked' }
}

async function isNoBody(t: Test, app: FastifyInstance, origin: string, headers: Record<string, string>) {
  const type = JSON.stringify(headers)
  const cookie = await loggedIn(app)
  t.match(await post(origin, '/refresh', { ...headers, ...cookie }), { status: 200 }, `refresh ${type}`)
  t.match(await post(origin, '/logout', { ...headers, ...cookie }), { status: 200 }, `logout ${type}`)
  t.equal(await countSessions(app), 0, type)
}

for (const [name, framing] of Object.entries(EMPTY)) {
  t.test(`an empty body with ${name} is no body, with each content type`, async (t) => {
    const { app } = await buildApp(t)
    const origin = await listen(app)
    for (const type of TYPES) {
      await isNoBody(t, app, origin, { ...framing, ...(type && { 'content-type': type }) })
    }
  })
}

t.test('an empty body with a length of 0 is no body, even if the content type is invalid', async (t) => {
  const { app } = await buildApp(t)
  const origin = await listen(app)
  for (const type of INVALID_TYPES) {
    await isNoBody(t, app, origin, { 'content-length': '0', 'content-type': type })
  }
})

t.test('an empty body is no body at the guarded routes', async (t) => {
  const { app } = await buildApp(t)
  const origin = await listen(app)
  for (const framing of Object.values(EMPTY)) {
    const { accessToken } = await app.sessions.create({ sub: 'ada' })
    const headers = { ...framing, 'content-type': 'text/plain', authorization: `Bearer ${accessToken}` }
    t.match(await post(origin, '/logout-all', headers), { status: 200, body: { revoked: 1 } })
  }
})

t.test('a body of another type is still rejected with 415, also if its length is unknown', async (t) => {
  const { app } = await buildApp(t)
  const origin = await listen(app)
  for (const headers of [
    { 'content-type': 'text/plain', 'content-length': '1' },
    { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' },
    { 'content-type': 'json', 'content-length': '1' },
    { 'transfer-encoding': 'chunked' }
  ] as Record<string, string>[]) {
    const answer = await post(origin, '/refresh', headers, 'x')
    t.match(
      answer,
      { status: 415, body: { code: 'FST_ERR_CTP_INVALID_MEDIA_TYPE' } },
      JSON.stringify(headers)
    )
  }
})

/** Fails with a `TypeError` if there is no body, as the example in the README does. */
function login({ body }: FastifyRequest) {
  const { sub } = body as { sub: string }
  return sub ? { sub } : null
}

t.test('a login with an empty body is a 400, not a TypeError in the application', async (t) => {
  const { app } = await buildApp(t, { options: { login } })
  const origin = await listen(app)
  const framings = Object.values(EMPTY)
  const typed = TYPES.flatMap((type) =>
    type ? framings.map((each) => ({ ...each, 'content-type': type })) : []
  )
  for (const headers of [...typed, { 'transfer-encoding': 'chunked' }] as Record<string, string>[]) {
    // The parser of forms returns an object without fields, which `login` can read.
    const expected = headers['content-type'] === FORM ? 'FRT_ERR_INVALID_CREDENTIALS' : 'FRT_ERR_EMPTY_BODY'
    t.equal((await post(origin, '/login', headers)).body.code, expected, JSON.stringify(headers))
  }
  t.match(await post(origin, '/login', { 'content-type': 'text/plain', 'content-length': '0' }), {
    status: 400
  })
  const json = { 'content-type': 'application/json', 'content-length': '4' }
  t.match(await post(origin, '/login', json, 'null'), { status: 400, body: { code: 'FRT_ERR_EMPTY_BODY' } })
})

t.test('a login with a schema for each content type is a 400 without a body', async (t) => {
  const json = { schema: { type: 'object', required: ['sub'] } }
  const schema = { body: { content: { 'application/json': json } } }
  const { app } = await buildApp(t, { options: { login, routes: { login: { schema } } } })
  const origin = await listen(app)
  for (const framing of Object.values(EMPTY)) {
    const answer = await post(origin, '/login', { ...framing, 'content-type': 'application/json' })
    t.equal(answer.status, 400, JSON.stringify(framing))
  }
})

t.test('a login with a schema validates an empty body', async (t) => {
  const schema = { body: { type: 'object', required: ['sub'], properties: { sub: { type: 'string' } } } }
  const { app } = await buildApp(t, { options: { login, routes: { login: { schema } } } })
  const origin = await listen(app)
  for (const framing of Object.values(EMPTY)) {
    const answer = await post(origin, '/login', { ...framing, 'content-type': 'application/json' })
    t.match(answer, { status: 400, body: { code: 'FST_ERR_VALIDATION' } })
  }
})

t.test('a login without a body reaches the application, which may read a header', async (t) => {
  const { app } = await buildApp(t, {
    options: { login: ({ headers }) => (headers.authorization === 'Basic YWRhOng=' ? { sub: 'ada' } : null) }
  })
  const origin = await listen(app)
  t.match(await post(origin, '/login', { authorization: 'Basic YWRhOng=' }), { status: 200 })
  // curl -u ada:x -d ''
  const form = { authorization: 'Basic YWRhOng=', 'content-type': FORM, 'content-length': '0' }
  t.match(await post(origin, '/login', form), { status: 200 })
})

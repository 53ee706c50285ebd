import { once } from 'node:events'
import websocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { buildApp, listen } from '../support/build-app.js'

// An access token in a cookie, which a browser sends by itself. The guards then check the origin of unsafe requests.

const EVIL = 'https://evil.example'
const CROSS_SITE = { origin: EVIL, 'sec-fetch-site': 'cross-site' }
const SAME_SITE = { origin: 'https://app.example.com', 'sec-fetch-site': 'same-origin' }
const TRUSTED = 'https://www.example.com'

function addRoutes(app: FastifyInstance): void {
  app.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/notes',
    preHandler: app.authenticate,
    handler: async () => 'done'
  })
  app.post('/optional', async (request) => (await request.authenticate({ optional: true }))?.sub ?? 'nobody')
  app.register(async (scope) => {
    await scope.register(websocket)
    scope.get('/live', { websocket: true, preValidation: app.authenticate }, (socket, { user }) => {
      socket.send(`hello ${user?.sub}`)
    })
  })
}

async function open(t: Test) {
  const { app } = await buildApp(t, {
    options: {
      accessToken: { read: ({ headers }) => /\baccess=([^;]+)/.exec(headers.cookie ?? '')?.[1] },
      csrf: { trustedOrigins: [TRUSTED] }
    },
    extend: addRoutes
  })
  const { accessToken } = await app.sessions.create({ sub: 'ada' })
  return {
    app,
    cookie: { cookie: `access=${accessToken}` },
    bearer: { authorization: `Bearer ${accessToken}` }
  }
}

type UnsafeMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE'

t.test('app.authenticate rejects unsafe requests of another site, without a second hook', async (t) => {
  const { app, cookie } = await open(t)
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as UnsafeMethod[]) {
    const send = (headers: object) =>
      app.inject({ method, url: '/notes', headers: { host: 'app.example.com', ...cookie, ...headers } })
    const rejected = await send(CROSS_SITE)
    t.equal(rejected.statusCode, 403, method)
    t.equal(rejected.json().code, 'FRT_ERR_CROSS_ORIGIN')
    t.equal((await send({ origin: EVIL })).statusCode, 403, 'an older browser')
    t.equal((await send(SAME_SITE)).statusCode, 200, method)
    t.equal((await send({ origin: TRUSTED, 'sec-fetch-site': 'same-site' })).statusCode, 200, method)
    t.equal((await send({})).statusCode, 200, 'not a browser')
  }
})

t.test('app.authenticate accepts safe requests of another site, for example a link', async (t) => {
  const { app, cookie } = await open(t)
  for (const method of ['GET', 'HEAD'] as const) {
    const response = await app.inject({ method, url: '/notes', headers: { ...cookie, ...CROSS_SITE } })
    t.equal(response.statusCode, 200, method)
  }
})

t.test(
  'a token in the header needs no check, because no other site can make a browser send it',
  async (t) => {
    const { app, bearer, cookie } = await open(t)
    const send = (headers: Record<string, string>) =>
      app.inject({ method: 'POST', url: '/notes', headers: { ...CROSS_SITE, ...headers } })
    t.equal((await send(bearer)).statusCode, 200)
    t.equal((await send({ ...bearer, ...cookie })).statusCode, 403, 'the cookie takes precedence')
  }
)

t.test('request.authenticate does the check too, also if the token is optional', async (t) => {
  const { app, cookie } = await open(t)
  const send = (headers: Record<string, string>) => app.inject({ method: 'POST', url: '/optional', headers })
  t.equal((await send({ ...cookie, ...CROSS_SITE })).json().code, 'FRT_ERR_CROSS_ORIGIN')
  t.equal((await send({ ...cookie })).body, 'ada')
  t.equal((await send(CROSS_SITE)).body, 'nobody')
})

t.test('without accessToken.read, the guards do not check the origin', async (t) => {
  const { app } = await buildApp(t, { extend: addRoutes })
  const { accessToken } = await app.sessions.create({ sub: 'ada' })
  const headers = { authorization: `Bearer ${accessToken}`, ...CROSS_SITE }
  t.equal((await app.inject({ method: 'POST', url: '/notes', headers })).statusCode, 200)
})

t.test('a page of another site cannot open a WebSocket with the cookie of the user', async (t) => {
  const { app, cookie } = await open(t)
  const origin = await listen(app)
  const connect = (headers: Record<string, string>) => {
    const socket = new WebSocket(`${origin.replace('http', 'ws')}/live`, {
      headers: { ...cookie, ...headers }
    })
    t.after(() => socket.terminate())
    return socket
  }
  const rejected = connect({ origin: EVIL })
  rejected.on('error', () => {})
  const status = await Promise.race([
    once(rejected, 'unexpected-response').then(([, response]) => response.statusCode),
    once(rejected, 'open').then(() => 'open')
  ])
  t.equal(status, 403)

  const [message] = await once(connect({ origin }), 'message')
  t.equal(String(message), 'hello ada')
})

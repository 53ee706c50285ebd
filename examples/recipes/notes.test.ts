// Tests an app without login requests, Redis, ports or waiting.
// Start: `node --import tsx --test examples/recipes/notes.test.ts`.
import assert from 'node:assert/strict'
import { mock, type TestContext, test } from 'node:test'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { type Claims, MemoryStore } from 'fastify-refresh-token'
import { buildNotes, type NotesOptions } from './notes.js'

async function open(t: TestContext, options: Partial<NotesOptions> = {}) {
  const app = await buildNotes({ secret: 'only for tests: a secret of 32 bytes or more', ...options })
  t.after(() => app.close())
  return app
}

/** Creates a session without a password, because checking a password takes time. */
async function createUser(app: FastifyInstance, sub: string, claims: Claims = {}) {
  const { accessToken, session } = await app.sessions.create({ sub, claims })
  const headers = { authorization: `Bearer ${accessToken}` }
  return { sid: session.sid, send: (request: InjectOptions) => app.inject({ headers, ...request }) }
}

test('each user has their own notes', async (t) => {
  const app = await open(t)
  const [ada, grace] = [await createUser(app, 'user-1'), await createUser(app, 'user-2')]
  await ada.send({ method: 'POST', url: '/notes', payload: { text: 'looms' } })
  assert.deepEqual((await ada.send({ url: '/notes' })).json(), ['looms'])
  assert.deepEqual((await grace.send({ url: '/notes' })).json(), [])
})

test('only an administrator deletes all notes', async (t) => {
  const app = await open(t)
  const [ada, grace] = [await createUser(app, 'user-1', { scope: 'admin' }), await createUser(app, 'user-2')]
  const request = { method: 'DELETE', url: '/notes' } as const
  const rejected = await grace.send(request)
  assert.equal(rejected.statusCode, 403)
  assert.equal(rejected.json().code, 'FRT_ERR_INSUFFICIENT_SCOPE')
  assert.equal((await ada.send(request)).statusCode, 204)
})

test('a request without an access token is rejected', async (t) => {
  const app = await open(t)
  for (const method of ['GET', 'POST', 'DELETE'] as const) {
    const { statusCode, headers } = await app.inject({ method, url: '/notes' })
    assert.equal(statusCode, 401, method)
    assert.match(String(headers['www-authenticate']), /^Bearer/)
  }
})

test('an access token is rejected after five minutes, and after its session is revoked', async (t) => {
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.after(() => mock.timers.reset())
  const app = await open(t)
  const [ada, grace] = [await createUser(app, 'user-1'), await createUser(app, 'user-2')]

  await app.sessions.revoke(grace.sid)
  assert.equal((await grace.send({ url: '/notes' })).json().code, 'FRT_ERR_SESSION_REVOKED')

  assert.equal((await ada.send({ url: '/notes' })).statusCode, 200)
  mock.timers.tick(5 * 60_000 + 1000)
  assert.equal((await ada.send({ url: '/notes' })).json().code, 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
})

test('an outage of the store does not log out users', async (t) => {
  const store = new MemoryStore()
  const app = await open(t, { store })
  const ada = await createUser(app, 'user-1')
  store.create = async () => {
    throw new Error('connect ECONNREFUSED')
  }
  await assert.rejects(app.sessions.create({ sub: 'user-1' }), { code: 'FRT_ERR_STORE_UNAVAILABLE' })
  assert.equal((await ada.send({ url: '/notes' })).statusCode, 200)
})

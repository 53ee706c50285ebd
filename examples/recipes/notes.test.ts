// `node --import tsx --test examples/recipes/notes.test.ts`: no login, no Redis, no port, no waiting.
import assert from 'node:assert/strict'
import { mock, type TestContext, test } from 'node:test'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { type Claims, MemoryStore } from 'fastify-refresh-token'
import { buildNotes, type NotesOptions } from './notes.js'

async function open(t: TestContext, options: Partial<NotesOptions> = {}) {
  const app = await buildNotes({ secret: 'for tests: any thirty-two bytes or more', ...options })
  t.after(() => app.close())
  return app
}

/** Somebody who is logged in, without the password and the time that it takes to check. */
async function loggedIn(app: FastifyInstance, sub: string, claims: Claims = {}) {
  const { accessToken, session } = await app.sessions.create({ sub, claims })
  const headers = { authorization: `Bearer ${accessToken}` }
  return { sid: session.sid, ask: (request: InjectOptions) => app.inject({ headers, ...request }) }
}

test('everybody has his own notes', async (t) => {
  const app = await open(t)
  const [ada, grace] = [await loggedIn(app, 'user-1'), await loggedIn(app, 'user-2')]
  await ada.ask({ method: 'POST', url: '/notes', payload: { text: 'looms' } })
  assert.deepEqual((await ada.ask({ url: '/notes' })).json(), ['looms'])
  assert.deepEqual((await grace.ask({ url: '/notes' })).json(), [])
})

test('only admins delete them all', async (t) => {
  const app = await open(t)
  const [ada, grace] = [await loggedIn(app, 'user-1', { scope: 'admin' }), await loggedIn(app, 'user-2')]
  const request = { method: 'DELETE', url: '/notes' } as const
  const refused = await grace.ask(request)
  assert.equal(refused.statusCode, 403)
  assert.equal(refused.json().code, 'FRT_ERR_INSUFFICIENT_SCOPE')
  assert.equal((await ada.ask(request)).statusCode, 204)
})

test('without a token there are no notes', async (t) => {
  const app = await open(t)
  for (const method of ['GET', 'POST', 'DELETE'] as const) {
    const { statusCode, headers } = await app.inject({ method, url: '/notes' })
    assert.equal(statusCode, 401, method)
    assert.match(String(headers['www-authenticate']), /^Bearer/)
  }
})

test('an access token is over after five minutes, and at a logout', async (t) => {
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.after(() => mock.timers.reset())
  const app = await open(t)
  const [ada, grace] = [await loggedIn(app, 'user-1'), await loggedIn(app, 'user-2')]

  await app.sessions.revoke(grace.sid)
  assert.equal((await grace.ask({ url: '/notes' })).json().code, 'FRT_ERR_SESSION_REVOKED')

  assert.equal((await ada.ask({ url: '/notes' })).statusCode, 200)
  mock.timers.tick(5 * 60_000 + 1000)
  assert.equal((await ada.ask({ url: '/notes' })).json().code, 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
})

test('while the store is down nobody is logged out', async (t) => {
  const store = new MemoryStore()
  const app = await open(t, { store })
  const ada = await loggedIn(app, 'user-1')
  store.create = async () => {
    throw new Error('connect ECONNREFUSED')
  }
  await assert.rejects(app.sessions.create({ sub: 'user-1' }), { code: 'FRT_ERR_STORE_UNAVAILABLE' })
  assert.equal((await ada.ask({ url: '/notes' })).statusCode, 200)
})

import { join } from 'node:path'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import refreshToken from '../../lib/index.js'
import { startRedis } from '../support/redis-server.js'
import { blocksIn } from './code-blocks/blocks.js'
import { startServer, writeFiles } from './code-blocks/run.js'
import { SECRETS } from './code-blocks/treat.js'

// The programs of docs/guides/migration.md: a user who is logged in before the change is logged in after it.

const PAGE = 'docs/guides/migration.md'
const blocks = await blocksIn(PAGE)
const ada = { username: 'ada', password: 'analytical engine' }

/** Starts the two programs of a section, one after the other, on one Redis. */
async function startPair(t: Test, name: string) {
  const redis = await startRedis(t)
  const folder = await writeFiles(t, blocks)
  const env = { REDIS_URL: redis.url, ...SECRETS }
  const before = await startServer(t, join(folder, `${name}-before.mjs`), env)
  return {
    before: caller(before.origin),
    async replace() {
      await before.stop()
      return caller((await startServer(t, join(folder, `${name}-after.mjs`), env)).origin)
    }
  }
}

interface Sent {
  body?: object
  bearer?: string
  cookie?: string
}

function caller(origin: string) {
  return async (path: string, { body, bearer, cookie }: Sent = {}) => {
    const response = await fetch(origin + path, {
      method: path === '/me' ? 'GET' : 'POST',
      headers: {
        ...(body && { 'content-type': 'application/json' }),
        ...(bearer && { authorization: `Bearer ${bearer}` }),
        ...(cookie && { cookie })
      },
      ...(body && { body: JSON.stringify(body) })
    })
    const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0])
    const text = await response.text()
    return { status: response.status, body: text ? JSON.parse(text) : undefined, cookie: cookies.join('; ') }
  }
}

t.test('from @fastify/jwt', async (t) => {
  const { before, replace } = await startPair(t, 'jwt')
  const { token: bearer } = (await before('/login', { body: ada })).body
  t.equal((await before('/me', { bearer })).body.sub, 1)

  const after = await replace()
  t.match((await after('/me', { bearer })).body, { sub: '1', name: 'ada' }, 'the old token is accepted')
  const exchanged = await after('/auth/refresh', { bearer })
  t.equal(exchanged.status, 200)
  const { access_token } = exchanged.body
  t.match((await after('/me', { bearer: access_token })).body, { sub: '1', name: 'ada', gen: 1 })
  const refreshed = await after('/auth/refresh', { cookie: exchanged.cookie })
  t.match((await after('/me', { bearer: refreshed.body.access_token })).body, { sub: '1', gen: 2 })

  t.equal((await after('/auth/refresh')).body.code, 'FRT_ERR_NO_REFRESH_TOKEN')
  t.equal((await after('/auth/refresh', { bearer: `${bearer}x` })).status, 401, 'a forged one is rejected')
  t.equal((await after('/me', { bearer: `${bearer}x` })).status, 401)
  t.equal((await after('/me')).body.code, 'FRT_ERR_NO_ACCESS_TOKEN')
  t.equal((await after('/auth/login', { body: ada })).status, 200)
})

t.test('from @fastify/session', async (t) => {
  const { before, replace } = await startPair(t, 'session')
  const { cookie } = await before('/login', { body: ada })
  const { cookie: another } = await before('/login', { body: ada })
  t.same((await before('/me', { cookie })).body, { id: 1, name: 'ada' })

  const after = await replace()
  t.same((await after('/me', { cookie })).body, { id: 1, name: 'ada' }, 'the old cookie is accepted')
  const exchanged = await after('/auth/refresh', { cookie })
  t.equal(exchanged.status, 200)
  const { access_token } = exchanged.body
  t.same((await after('/me', { bearer: access_token })).body, { id: 1, name: 'ada' })
  t.equal((await after('/auth/refresh', { cookie: exchanged.cookie })).status, 200)

  t.equal((await after('/me', { cookie })).status, 401, 'the old session is destroyed')
  t.equal((await after('/auth/refresh', { cookie })).body.code, 'FRT_ERR_NO_REFRESH_TOKEN')
  t.equal((await after('/auth/logout', { cookie: another })).status, 200)
  t.equal((await after('/me', { cookie: another })).status, 401, 'a logout destroys an old session')
  t.equal((await after('/auth/logout')).status, 200)
  t.equal((await after('/auth/login', { body: ada })).status, 200)
})

t.test('from a refresh token table', async (t) => {
  const { before, replace } = await startPair(t, 'table')
  const first = (await before('/login', { body: ada })).body
  t.equal((await before('/me', { bearer: first.accessToken })).body.sub, 1)
  const { refreshToken } = (await before('/token', { body: { refreshToken: first.refreshToken } })).body

  const after = await replace()
  const exchanged = (await after('/token', { body: { refreshToken } })).body
  t.match((await after('/me', { bearer: exchanged.accessToken })).body, { sub: '1', gen: 1 })
  const again = (await after('/token', { body: { refreshToken: exchanged.refreshToken } })).body
  t.match((await after('/me', { bearer: again.accessToken })).body, { sub: '1', gen: 2 })
  const modern = await after('/auth/refresh', { body: { refresh_token: again.refreshToken } })
  t.equal(modern.status, 200, 'the new route accepts it')

  const secondUse = await after('/token', { body: { refreshToken } })
  t.match(secondUse, { status: 401, body: { code: 'FRT_ERR_REFRESH_TOKEN_INVALID' } }, 'only once')
  const old = await after('/login', { body: ada })
  t.match(old, { status: 200, body: { accessToken: /./, refreshToken: /./ } })
})

t.test('a numeric user id is the same user as its digits', async (t) => {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(refreshToken, { secret: SECRETS.AUTH_SECRET, login: async () => ({ sub: 7 }) })
  const response = await app.inject({ method: 'POST', url: '/auth/login' })
  t.match(await app.sessions.verify(response.json().access_token), { sub: '7' })
  t.equal((await app.sessions.list('7')).length, 1)
  t.equal(await app.sessions.revokeAll(7), 1)
})

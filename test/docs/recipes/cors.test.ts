import t from 'tap'
import { buildCors, PAGE } from '../../../examples/recipes/cors.js'
import { SECRET } from '../../support/build-app.js'

const ADA = { username: 'ada', password: 'analytical engine' }

const app = await buildCors({ secret: SECRET })
t.after(() => app.close())

const login = (origin: string) =>
  app.inject({
    method: 'POST',
    url: '/auth/login',
    headers: { origin, 'sec-fetch-site': 'cross-site' },
    payload: ADA
  })

const preflight = (origin: string) =>
  app.inject({
    method: 'OPTIONS',
    url: '/auth/login',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type'
    }
  })

t.test('the page may ask, with its cookie', async (t) => {
  const { statusCode, headers } = await preflight(PAGE)
  t.equal(statusCode, 204)
  t.equal(headers['access-control-allow-origin'], PAGE)
  t.equal(headers['access-control-allow-credentials'], 'true')
  t.match(headers['access-control-allow-headers'], 'content-type')
})

t.test('the page logs in and calls a guarded route', async (t) => {
  const answer = await login(PAGE)
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['access-control-allow-origin'], PAGE)
  t.match(answer.cookies, [{ name: '__Host-refresh_token' }])

  const authorization = `Bearer ${answer.json().access_token}`
  const me = await app.inject({ url: '/me', headers: { origin: PAGE, authorization } })
  t.match(me.json(), { name: 'Ada' })
})

t.test('the page can read why it was refused', async (t) => {
  const { statusCode, headers } = await app.inject({ url: '/me', headers: { origin: PAGE } })
  t.equal(statusCode, 401)
  t.equal(headers['access-control-allow-origin'], PAGE)
  t.match(headers['www-authenticate'], /^Bearer/)
  t.equal(headers['access-control-expose-headers'], 'retry-after, www-authenticate')
})

t.test('a page of another origin neither logs in nor reads anything', async (t) => {
  const stranger = 'https://evil.example'
  t.not((await preflight(stranger)).headers['access-control-allow-origin'], stranger)

  const answer = await login(stranger)
  t.equal(answer.statusCode, 403)
  t.equal(answer.json().code, 'FRT_ERR_CROSS_ORIGIN')
  t.same(answer.cookies, [])
  t.not(answer.headers['access-control-allow-origin'], stranger)
})

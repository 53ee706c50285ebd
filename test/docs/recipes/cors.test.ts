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

t.test('a preflight allows the page to send requests with cookies', async (t) => {
  const { statusCode, headers } = await preflight(PAGE)
  t.equal(statusCode, 204)
  t.equal(headers['access-control-allow-origin'], PAGE)
  t.equal(headers['access-control-allow-credentials'], 'true')
  t.match(headers['access-control-allow-headers'], 'content-type')
})

t.test('the page logs in and calls a guarded route', async (t) => {
  const response = await login(PAGE)
  t.equal(response.statusCode, 200)
  t.equal(response.headers['access-control-allow-origin'], PAGE)
  t.match(response.cookies, [{ name: '__Host-refresh_token' }])

  const authorization = `Bearer ${response.json().access_token}`
  const me = await app.inject({ url: '/me', headers: { origin: PAGE, authorization } })
  t.match(me.json(), { name: 'Ada' })
})

t.test('the page can read an error response', async (t) => {
  const { statusCode, headers } = await app.inject({ url: '/me', headers: { origin: PAGE } })
  t.equal(statusCode, 401)
  t.equal(headers['access-control-allow-origin'], PAGE)
  t.match(headers['www-authenticate'], /^Bearer/)
  t.equal(headers['access-control-expose-headers'], 'retry-after, www-authenticate, dpop-nonce')
})

t.test('a page of another origin neither logs in nor reads anything', async (t) => {
  const otherOrigin = 'https://evil.example'
  t.not((await preflight(otherOrigin)).headers['access-control-allow-origin'], otherOrigin)

  const response = await login(otherOrigin)
  t.equal(response.statusCode, 403)
  t.equal(response.json().code, 'FRT_ERR_CROSS_ORIGIN')
  t.same(response.cookies, [])
  t.not(response.headers['access-control-allow-origin'], otherOrigin)
})

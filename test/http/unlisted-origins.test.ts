import t from 'tap'
import type { FastifyRefreshTokenOptions, Transport } from '../../lib/index.js'
import { buildApp } from '../support/build-app.js'

const CROSS_SITE = { origin: 'capacitor://localhost', 'sec-fetch-site': 'cross-site' }
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** Whether refresh and logout accept a request of an unlisted origin, by the options of the app. */
const ROWS: [title: string, options: Partial<FastifyRefreshTokenOptions>, isAccepted: boolean][] = [
  ["transport 'body'", { transport: 'body' }, true],
  ["transport 'header'", { transport: 'header' }, true],
  ["transport 'cookie'", { transport: 'cookie' }, false],
  ['a transport function', { transport: () => 'body' }, false],
  ['accessToken.read', { transport: 'body', accessToken: { read: () => null } }, false]
]

for (const [title, options, isAccepted] of ROWS) {
  t.test(`an unlisted origin with ${title}`, async (t) => {
    const { app } = await buildApp(t, { options })
    const { refreshToken } = await app.sessions.create({ sub: 'ada' })
    const post = (path: string, token: string) =>
      app.inject({
        method: 'POST',
        url: `/auth${path}`,
        headers: { ...CROSS_SITE, 'x-refresh-token': token, cookie: `__Host-refresh_token=${token}` },
        payload: { refresh_token: token, sub: 'ada' }
      })
    t.equal((await post('/login', refreshToken)).json().code, 'FRT_ERR_CROSS_ORIGIN', 'the login is checked')
    t.equal((await post('/refresh', refreshToken)).statusCode, isAccepted ? 200 : 403)
    t.equal((await post('/logout', refreshToken)).statusCode, isAccepted ? 200 : 403)
    t.equal((await app.sessions.list('ada')).length, isAccepted ? 0 : 1)
  })
}

for (const transport of ['body', 'header'] as Transport[]) {
  t.test(
    `a cookie in a request of an unlisted origin is not used with transport '${transport}'`,
    async (t) => {
      const { app } = await buildApp(t, { options: { transport } })
      const { refreshToken } = await app.sessions.create({ sub: 'ada' })
      const headers = { ...CROSS_SITE, cookie: `__Host-refresh_token=${refreshToken}` }
      const refresh = await app.inject({ method: 'POST', url: '/auth/refresh', headers })
      t.equal(refresh.json().code, 'FRT_ERR_NO_REFRESH_TOKEN')
      t.equal((await app.inject({ method: 'POST', url: '/auth/logout', headers })).statusCode, 200)
      t.match(await app.sessions.list('ada'), [{ gen: 1 }])
    }
  )
}

t.test("an OAuth form of an unlisted origin needs the token in its body with transport 'body'", async (t) => {
  const { app } = await buildApp(t, { options: { transport: 'body' } })
  const { refreshToken } = await app.sessions.create({ sub: 'ada' })
  const headers = { ...CROSS_SITE, ...FORM, cookie: `__Host-refresh_token=${refreshToken}` }
  const post = (payload: string) => app.inject({ method: 'POST', url: '/auth/refresh', headers, payload })
  t.equal((await post('grant_type=refresh_token')).json().error, 'invalid_request')
  const response = await post(`grant_type=refresh_token&refresh_token=${refreshToken}`)
  t.equal(response.statusCode, 200)
  t.equal(response.headers['set-cookie'], undefined)
})

t.test("an OAuth form of an unlisted origin is refused with transport 'cookie'", async (t) => {
  const { app } = await buildApp(t)
  const { refreshToken } = await app.sessions.create({ sub: 'ada' })
  const payload = `grant_type=refresh_token&refresh_token=${refreshToken}`
  const headers = { ...CROSS_SITE, ...FORM }
  const response = await app.inject({ method: 'POST', url: '/auth/refresh', headers, payload })
  t.equal(response.json().code, 'FRT_ERR_CROSS_ORIGIN')
})

t.test('a function can trust the origin of an app for the login', async (t) => {
  const trustedOrigins = (origin: string) => origin === 'capacitor://localhost'
  const { app } = await buildApp(t, { options: { transport: 'body', csrf: { trustedOrigins } } })
  const login = (headers: object) =>
    app.inject({ method: 'POST', url: '/auth/login', headers: { ...headers }, payload: { sub: 'ada' } })
  t.equal((await login(CROSS_SITE)).statusCode, 200)
  t.equal((await login({ ...CROSS_SITE, origin: 'ionic://localhost' })).statusCode, 403)
})

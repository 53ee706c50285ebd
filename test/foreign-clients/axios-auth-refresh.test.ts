import axios from 'axios'
import { createAuthRefresh } from 'axios-auth-refresh'
import t from 'tap'
import { startProvider } from './support/provider.js'
import { rejectionOf } from './support/rejection.js'

const MINUTE = 60_000

t.test('axios with axios-auth-refresh repeats all requests that got 401', async (t) => {
  const { origin, login, app, advance } = await startProvider(t)
  let tokens = await login()
  const api = axios.create({ baseURL: origin })
  api.interceptors.request.use((config) => {
    config.headers.set('authorization', `Bearer ${tokens.access_token}`)
    return config
  })
  const refresh = async () => {
    const { refresh_token } = tokens
    tokens = (await axios.post(`${origin}/auth/refresh`, { refresh_token })).data
  }
  // By default the library rejects the second of two requests that get 401 at the same time.
  // Its types are those of the CommonJS build of axios.
  createAuthRefresh(api as never, refresh, { deduplicateRefresh: false })
  t.match((await api.get('/me')).data, { sub: 'ada', gen: 1 })

  for (const gen of [2, 3]) {
    await advance(6 * MINUTE)
    const responses = await Promise.all([api.get('/me'), api.get('/me'), api.get('/auth/sessions')])
    t.strictSame(
      responses.map(({ status }) => status),
      [200, 200, 200]
    )
    t.match((await api.get('/me')).data, { sub: 'ada', gen })
  }

  const { sid } = await app.sessions.verify(tokens.access_token)
  await app.sessions.revoke(sid)
  t.match(await rejectionOf(api.get('/me')), {
    response: { status: 401, data: { code: 'FRT_ERR_SESSION_REVOKED' } },
    config: { url: `${origin}/auth/refresh` }
  })
})

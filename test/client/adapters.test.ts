import axios from 'axios'
import ky from 'ky'
import { ofetch } from 'ofetch'
import t from 'tap'
import type { AuthFetch } from '../../lib/client/index.js'
import { loggedIn, ORIGIN } from './support/tab.js'

const SENT = { name: 'ada', tags: ['a', 'b'] }

/** How each library sends a JSON body and reads the response. */
const adapters: Record<string, (auth: AuthFetch) => Promise<unknown>> = {
  ky: (auth) => ky.post(`${ORIGIN}/me`, { json: SENT, fetch: auth.fetch }).json(),
  'ky with a prefix': (auth) =>
    ky.create({ prefixUrl: ORIGIN, fetch: auth.fetch }).post('me', { json: SENT }).json(),
  ofetch: (auth) => ofetch.create({}, { fetch: auth.fetch })(`${ORIGIN}/me`, { method: 'POST', body: SENT }),
  axios: async (auth) => {
    const client = axios.create({ adapter: 'fetch', env: { fetch: auth.fetch }, baseURL: ORIGIN })
    return (await client.post('/me', SENT)).data
  }
}

for (const [name, post] of Object.entries(adapters)) {
  t.test(`${name} with auth.fetch: a 401 is refreshed and retried with the JSON body`, async (t) => {
    const { auth, server, time } = await loggedIn(t)
    server.expire()
    t.same(await time.until(post(auth)), { token: 'token-2', body: JSON.stringify(SENT) })
    t.same(server.paths, ['/auth/login', '/me', '/auth/refresh', '/me'])
    for (const call of server.callsTo('/me')) {
      t.equal(call.method, 'POST')
      t.match(call.headers.get('content-type'), 'application/json')
      t.same(JSON.parse(call.body), SENT)
    }
  })

  t.test(`${name} with auth.fetch: a 401 after the end of the session is an HTTP error`, async (t) => {
    const { auth, time } = await loggedIn(t)
    await time.until(auth.logout())
    const failure = await time.until(post(auth).then(Object, (error) => error))
    t.equal(failure.response.status, 401)
  })
}

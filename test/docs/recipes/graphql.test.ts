import t, { type Test } from 'tap'
import { buildGraphql } from '../../../examples/recipes/graphql.js'
import { SECRET } from '../../support/build-app.js'
import { Clock } from '../../support/clock.js'

async function open(t: Test) {
  const clock = new Clock().mockDate(t)
  const app = await buildGraphql({ secret: SECRET })
  t.after(() => app.close())
  const headersOf = async (sub: string, scope: string) => {
    const { accessToken } = await app.sessions.create({ sub, claims: { name: 'Ada', scope } })
    return { authorization: `Bearer ${accessToken}` }
  }
  const query = (text: string, headers: Record<string, string> = {}) =>
    app.inject({ method: 'POST', url: '/graphql', headers, payload: { query: text } })
  return { app, clock, headersOf, query }
}

t.test('one field is public, and another needs a user', async (t) => {
  const { headersOf, query } = await open(t)
  const response = await query('{ motto }')
  t.same(response.json(), { data: { motto: 'Nullius in verba' } })

  const rejected = (await query('{ motto me { id } }')).json()
  t.match(rejected.errors, [{ path: ['me'], extensions: { code: 'FRT_ERR_NO_ACCESS_TOKEN' } }])

  const me = (await query('{ me { id name } }', await headersOf('user-1', ''))).json()
  t.same(me, { data: { me: { id: 'user-1', name: 'Ada' } } })
})

t.test('a third field needs an administrator', async (t) => {
  const { headersOf, query } = await open(t)
  const rejected = (await query('{ users }', await headersOf('user-2', ''))).json()
  t.match(rejected.errors, [{ path: ['users'], extensions: { code: 'FRT_ERR_INSUFFICIENT_SCOPE' } }])
  t.same((await query('{ users }', await headersOf('user-1', 'admin'))).json(), {
    data: { users: ['user-1', 'user-2'] }
  })
})

t.test('an expired token gets a 401 instead of an anonymous response', async (t) => {
  const { clock, headersOf, query } = await open(t)
  const headers = await headersOf('user-1', '')
  clock.advance(301_000)
  const response = await query('{ motto }', headers)
  t.equal(response.statusCode, 401)
  t.match(response.headers['www-authenticate'], 'error="invalid_token"')
  t.match(response.body, 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
})

import t, { type Test } from 'tap'
import { buildGraphql } from '../../../examples/recipes/graphql.js'
import { SECRET } from '../../support/build-app.js'
import { Clock } from '../../support/clock.js'

async function open(t: Test) {
  const clock = new Clock().rule(t)
  const app = await buildGraphql({ secret: SECRET })
  t.after(() => app.close())
  const headersOf = async (sub: string, scope: string) => {
    const { accessToken } = await app.sessions.create({ sub, claims: { name: 'Ada', scope } })
    return { authorization: `Bearer ${accessToken}` }
  }
  const ask = (query: string, headers: Record<string, string> = {}) =>
    app.inject({ method: 'POST', url: '/graphql', headers, payload: { query } })
  return { app, clock, headersOf, ask }
}

t.test('a field is for everybody, another for who is logged in', async (t) => {
  const { headersOf, ask } = await open(t)
  const answer = await ask('{ motto }')
  t.same(answer.json(), { data: { motto: 'Nullius in verba' } })

  const refused = (await ask('{ motto me { id } }')).json()
  t.match(refused.errors, [{ path: ['me'], extensions: { code: 'FRT_ERR_NO_ACCESS_TOKEN' } }])

  const me = (await ask('{ me { id name } }', await headersOf('user-1', ''))).json()
  t.same(me, { data: { me: { id: 'user-1', name: 'Ada' } } })
})

t.test('a third is for admins', async (t) => {
  const { headersOf, ask } = await open(t)
  const refused = (await ask('{ users }', await headersOf('user-2', ''))).json()
  t.match(refused.errors, [{ path: ['users'], extensions: { code: 'FRT_ERR_INSUFFICIENT_SCOPE' } }])
  t.same((await ask('{ users }', await headersOf('user-1', 'admin'))).json(), {
    data: { users: ['user-1', 'user-2'] }
  })
})

t.test('a token that is over is a 401, not an anonymous answer', async (t) => {
  const { clock, headersOf, ask } = await open(t)
  const headers = await headersOf('user-1', '')
  clock.advance(301_000)
  const answer = await ask('{ motto }', headers)
  t.equal(answer.statusCode, 401)
  t.match(answer.headers['www-authenticate'], 'error="invalid_token"')
  t.match(answer.body, 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
})

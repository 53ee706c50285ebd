import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { buildAdmin } from '../../../examples/recipes/admin.js'
import { SECRET } from '../../support/build-app.js'
import { eventually } from '../../support/eventually.js'
import { startRedis } from '../../support/redis-server.js'

t.test('sessions of others', async (t) => {
  const server = await startRedis(t)
  const [one, other] = await Promise.all([build(t, server.client()), build(t, server.client())])

  const begin = async (sub: string, scope = '') => {
    const { accessToken, session } = await one.sessions.create({ sub, claims: { scope } })
    return { sid: session.sid, headers: { authorization: `Bearer ${accessToken}` } }
  }
  const admin = await begin('admin-1', 'admin')

  const ask = (method: 'GET' | 'DELETE', url: string, headers: Headers = admin.headers) =>
    one.inject({ method, url: `/admin${url}`, headers })
  const isOut = async ({ headers }: { headers: Headers }) =>
    (await other.inject({ url: '/me', headers })).json().code === 'FRT_ERR_SESSION_REVOKED'

  t.test('an admin sees the sessions of a user and ends one: the other process learns it', async (t) => {
    const [phone, laptop] = [await begin('user-1'), await begin('user-1')]
    const listed = (await ask('GET', '/users/user-1/sessions')).json()
    t.same(
      listed.map(({ sid }: { sid: string }) => sid),
      [phone.sid, laptop.sid]
    )

    t.equal((await ask('DELETE', `/sessions/${phone.sid}`)).statusCode, 204)
    await eventually(() => isOut(phone))
    t.notOk(await isOut(laptop), 'the other device goes on')
    t.equal((await ask('DELETE', `/sessions/${phone.sid}`)).statusCode, 404)
  })

  t.test('an admin logs a user out everywhere', async (t) => {
    const [phone, laptop] = [await begin('user-2'), await begin('user-2')]
    const bystander = await begin('user-3')

    t.same((await ask('DELETE', '/users/user-2/sessions')).json(), { revoked: 2 })
    await eventually(async () => (await isOut(phone)) && (await isOut(laptop)))
    t.notOk(await isOut(bystander))
  })

  t.test('nobody else may', async (t) => {
    const user = await begin('user-4')
    const victim = await begin('user-5')

    const answer = await ask('DELETE', '/users/user-5/sessions', user.headers)
    t.equal(answer.statusCode, 403)
    t.equal(answer.json().code, 'FRT_ERR_INSUFFICIENT_SCOPE')
    t.equal((await ask('GET', '/users/user-5/sessions', {})).statusCode, 401)
    t.notOk(await isOut(victim))
  })
})

type Headers = Record<string, string>

async function build(t: Test, redis: Redis) {
  const app = await buildAdmin({ secret: SECRET, redis })
  t.after(() => app.close())
  await app.ready()
  return app
}

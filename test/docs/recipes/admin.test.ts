import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { buildAdmin } from '../../../examples/recipes/admin.js'
import { SECRET } from '../../support/build-app.js'
import { eventually } from '../../support/eventually.js'
import { startRedis } from '../../support/redis-server.js'

t.test('sessions of other users', async (t) => {
  const server = await startRedis(t)
  const [one, other] = await Promise.all([build(t, server.client()), build(t, server.client())])

  const createSession = async (sub: string, scope = '') => {
    const { accessToken, session } = await one.sessions.create({ sub, claims: { scope } })
    return { sid: session.sid, headers: { authorization: `Bearer ${accessToken}` } }
  }
  const admin = await createSession('admin-1', 'admin')

  const send = (method: 'GET' | 'DELETE', url: string, headers: Headers = admin.headers) =>
    one.inject({ method, url: `/admin${url}`, headers })
  const isRevoked = async ({ headers }: { headers: Headers }) =>
    (await other.inject({ url: '/me', headers })).json().code === 'FRT_ERR_SESSION_REVOKED'

  t.test(
    'an administrator lists the sessions of a user and revokes one, and the other process rejects it',
    async (t) => {
      const [phone, laptop] = [await createSession('user-1'), await createSession('user-1')]
      const listed = (await send('GET', '/users/user-1/sessions')).json()
      t.same(
        listed.map(({ sid }: { sid: string }) => sid),
        [phone.sid, laptop.sid]
      )

      t.equal((await send('DELETE', `/sessions/${phone.sid}`)).statusCode, 204)
      await eventually(() => isRevoked(phone))
      t.notOk(await isRevoked(laptop), 'the other device stays logged in')
      t.equal((await send('DELETE', `/sessions/${phone.sid}`)).statusCode, 404)
    }
  )

  t.test('an administrator revokes all sessions of a user', async (t) => {
    const [phone, laptop] = [await createSession('user-2'), await createSession('user-2')]
    const otherUser = await createSession('user-3')

    t.same((await send('DELETE', '/users/user-2/sessions')).json(), { revoked: 2 })
    await eventually(async () => (await isRevoked(phone)) && (await isRevoked(laptop)))
    t.notOk(await isRevoked(otherUser))
  })

  t.test('other users cannot list or revoke sessions', async (t) => {
    const user = await createSession('user-4')
    const otherUser = await createSession('user-5')

    const response = await send('DELETE', '/users/user-5/sessions', user.headers)
    t.equal(response.statusCode, 403)
    t.equal(response.json().code, 'FRT_ERR_INSUFFICIENT_SCOPE')
    t.equal((await send('GET', '/users/user-5/sessions', {})).statusCode, 401)
    t.notOk(await isRevoked(otherUser))
  })
})

type Headers = Record<string, string>

async function build(t: Test, redis: Redis) {
  const app = await buildAdmin({ secret: SECRET, redis })
  t.after(() => app.close())
  await app.ready()
  return app
}

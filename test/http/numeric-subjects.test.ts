import t from 'tap'
import { createTestSession } from '../../lib/testing/index.js'
import { buildApp } from '../support/build-app.js'
import { Client } from '../support/client.js'

for (const id of [7, 7n]) {
  t.test(`a ${typeof id} as subject is the string of its digits everywhere`, async (t) => {
    const loaded: unknown[] = []
    const { app } = await buildApp(t, {
      options: {
        login: () => ({ sub: id }),
        session: {
          load(sub) {
            loaded.push(sub)
            return {}
          }
        }
      },
      extend: (app) => app.post('/own', async (_request, reply) => reply.startSession({ sub: id }))
    })
    const client = new Client(app)
    t.equal((await client.login()).statusCode, 200)
    t.equal((await client.call()).json().sub, '7')
    t.equal((await client.refresh()).statusCode, 200)
    t.strictSame(loaded, ['7'])

    const { access_token } = (await app.inject({ method: 'POST', url: '/own' })).json()
    t.equal((await app.sessions.verify(access_token)).sub, '7')
    t.equal((await app.sessions.create({ sub: id })).session.sub, '7')
    t.equal((await createTestSession(app, { sub: id })).tokens.session.sub, '7')
    t.equal((await app.sessions.create({ sub: '7' })).session.sub, '7')

    t.equal((await app.sessions.list(id)).length, 5, 'one user with the string')
    t.strictSame(await app.sessions.list(id), await app.sessions.list('7'))
    t.equal(await app.sessions.revokeAll(id), 5)
    t.equal((await client.call()).statusCode, 401)
  })
}

t.test('the methods of app.sessions reject other subjects', async (t) => {
  const { app } = await buildApp(t)
  for (const sub of [1.5, 2 ** 53, undefined, null, {}]) {
    const error = { code: 'FRT_ERR_INVALID_IDENTITY', cause: { message: /^sub must be a string .* but is / } }
    await t.rejects(app.sessions.list(sub as never), error)
    await t.rejects(app.sessions.revokeAll(sub as never), error)
  }
})

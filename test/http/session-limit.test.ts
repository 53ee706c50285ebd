import t, { type Test } from 'tap'
import type { FastifyRefreshTokenOptions } from '../../lib/index.js'
import { buildApp } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { eachStore } from '../support/stores.js'

type SessionOptions = NonNullable<FastifyRefreshTokenOptions['session']>

await eachStore(t, async (t, open) => {
  async function build(t: Test, session: SessionOptions) {
    const { app, logs, advance, rawLogs } = await buildApp(t, { under: open(t), options: { session } })
    const logIn = async (identity: object = { sub: 'ada' }) => {
      await advance(1)
      const client = new Client(app)
      return { client, response: await client.login(identity) }
    }
    return { app, logs, logIn, rawLogs }
  }

  t.test("onLimit 'reject' answers 409 with the sessions of the user, and changes nothing", async (t) => {
    const { app, logIn, rawLogs } = await build(t, { maxPerUser: 2, onLimit: 'reject' })
    const { client: first } = await logIn({ sub: 'ada', metadata: { device: 'laptop' } })
    const { client: second } = await logIn()
    const [laptop] = await app.sessions.list('ada')
    await app.sessions.update(laptop?.sid as string, { name: 'Laptop' })

    const { response } = await logIn()
    t.equal(response.statusCode, 409)
    t.equal(response.headers['set-cookie'], undefined)
    t.match(response.json(), { statusCode: 409, code: 'FRT_ERR_SESSION_LIMIT', error: 'Conflict' })
    t.match(response.json().sessions, [
      { id: laptop?.sid, name: 'Laptop', current: false, metadata: { device: 'laptop' } },
      { name: null, current: false }
    ])
    t.notMatch(rawLogs(), /"device":"laptop"/, 'the log does not contain the metadata')
    for (const client of [first, second]) t.equal((await client.refresh()).statusCode, 200)

    t.equal((await logIn({ sub: 'grace' })).response.statusCode, 200, 'another user')
    t.equal((await first.login()).statusCode, 200, 'a login that replaces its own session')
    await second.logout()
    t.equal((await logIn()).response.statusCode, 200, 'after a logout')
    await t.rejects(app.sessions.create({ sub: 'ada' }), {
      code: 'FRT_ERR_SESSION_LIMIT',
      sessions: { length: 2 }
    })
  })

  t.test('a function decides for each login', async (t) => {
    const calls: unknown[] = []
    const { logIn } = await build(t, {
      maxPerUser: 1,
      onLimit: async ({ sub, metadata }, sessions) => {
        calls.push([sub, sessions.length])
        return metadata?.force ? 'evict-oldest' : 'reject'
      }
    })
    const { client } = await logIn()
    t.strictSame(calls, [], 'not below the limit')
    t.equal((await logIn()).response.statusCode, 409)
    t.equal((await logIn({ sub: 'ada', metadata: { force: true } })).response.statusCode, 200)
    t.strictSame(calls, [
      ['ada', 1],
      ['ada', 1]
    ])
    t.equal((await client.refresh()).statusCode, 401, 'evicted')
  })

  t.test('maxPerUser can depend on the identity', async (t) => {
    const { app, logIn } = await build(t, {
      maxPerUser: async ({ metadata }) => (metadata?.plan === 'pro' ? 3 : 1)
    })
    for (let i = 0; i < 4; i++) await logIn({ sub: 'pro', metadata: { plan: 'pro' } })
    for (let i = 0; i < 2; i++) await logIn({ sub: 'free' })
    t.equal((await app.sessions.list('pro')).length, 3)
    t.equal((await app.sessions.list('free')).length, 1)
  })
})

for (const [name, result] of [
  ['onLimit', undefined],
  ['onLimit', 'evict'],
  ['maxPerUser', 0],
  ['maxPerUser', '7'],
  ['maxPerUser', 1.5]
] as const) {
  t.test(`${name} that returns ${result} is a 500, and creates and evicts nothing`, async (t) => {
    const session = { maxPerUser: 1, [name]: () => result } as SessionOptions
    const { app } = await buildApp(t, { options: { session } })
    if (name === 'onLimit') await new Client(app).login()
    const before = await app.sessions.list('ada')
    t.equal((await new Client(app).login()).json().code, 'FRT_ERR_INVALID_CALLBACK_RESULT')
    t.same(await app.sessions.list('ada'), before)
  })
}

for (const name of ['onLimit', 'maxPerUser']) {
  t.test(`an error of ${name} passes through`, async (t) => {
    const fail = () => {
      throw Object.assign(new Error('no database'), { statusCode: 502 })
    }
    const { app } = await buildApp(t, { options: { session: { maxPerUser: 1, [name]: fail } } })
    await new Client(app).login()
    t.equal((await new Client(app).login()).statusCode, 502)
  })
}

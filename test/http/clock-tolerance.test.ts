import { mock } from 'node:test'
import t from 'tap'
import type { Duration } from '../../lib/index.js'
import { buildApp } from '../support/build-app.js'
import { GENERATE } from '../support/key-pairs.js'
import { buildResourceServer, sign } from '../support/resource-server.js'

const SECOND = 1000
const MINUTE = 60 * SECOND

const TOLERANCES: [tolerance: Duration | undefined, ms: number][] = [
  [undefined, 0],
  [0, 0],
  ['30', 30 * SECOND],
  ['6m', 6 * MINUTE]
]

for (const [clockTolerance, ms] of TOLERANCES) {
  t.test(`a token is accepted for the tolerance ${clockTolerance} after its expiry`, async (t) => {
    const { app, clock } = await buildApp(t, { options: { accessToken: { clockTolerance } } })
    const { accessToken } = await app.sessions.create({ sub: 'ada' })
    const { exp } = await app.sessions.verify(accessToken)
    clock.advance(exp * SECOND + ms - 1 - clock.nowMs)
    t.match(await app.sessions.verify(accessToken), { sub: 'ada' })
    clock.advance(1)
    await t.rejects(app.sessions.verify(accessToken), { code: 'FRT_ERR_ACCESS_TOKEN_EXPIRED' })
  })

  t.test(
    `a resource server accepts a token for the tolerance ${clockTolerance} after its expiry`,
    async (t) => {
      mock.timers.enable({ apis: ['Date'], now: Date.UTC(2030, 0, 1) })
      t.teardown(() => mock.timers.reset())
      const pair = GENERATE.EdDSA()
      const { status } = await buildResourceServer(t, { keys: [pair.publicKey], clockTolerance })
      const seconds = Math.floor(Date.now() / SECOND)
      const token = await sign(pair, { claims: { exp: seconds + 60 } })
      mock.timers.setTime((seconds + 60) * SECOND + ms - 1)
      t.equal(await status(token), 200)
      mock.timers.setTime((seconds + 60) * SECOND + ms)
      t.equal(await status(token), 401)
    }
  )
}

t.test('a process whose clock is ahead by five minutes accepts new tokens with a tolerance', async (t) => {
  const { app, clock } = await buildApp(t, { options: { accessToken: { clockTolerance: '6m' } } })
  mock.timers.setTime(clock.nowMs + 5 * MINUTE)
  const { accessToken } = await app.sessions.create({ sub: 'ada' })
  t.match(await app.sessions.verify(accessToken), { sub: 'ada' })
})

t.test('a revoked token is rejected for as long as it would be accepted', async (t) => {
  const monotonic = mock.method(performance, 'now')
  let monotonicMs = 1000
  monotonic.mock.mockImplementation(() => monotonicMs)
  t.teardown(() => monotonic.mock.restore())
  const { app, clock } = await buildApp(t, { options: { accessToken: { clockTolerance: '10m' } } })
  const { accessToken, session } = await app.sessions.create({ sub: 'ada' })
  await app.sessions.revoke(session.sid)
  for (let passedMs = 0; passedMs <= 15 * MINUTE; passedMs += MINUTE) {
    await t.rejects(
      app.sessions.verify(accessToken),
      { code: 'FRT_ERR_SESSION_REVOKED' },
      `${passedMs} ms later`
    )
    clock.advance(MINUTE)
    monotonicMs += MINUTE
    // The next revocation removes old ones from memory.
    await app.sessions.revoke((await app.sessions.create({ sub: 'other' })).session.sid)
  }
  await t.rejects(app.sessions.verify(accessToken), { code: 'FRT_ERR_ACCESS_TOKEN_EXPIRED' })
})

t.test(
  'a resource server accepts a token whose nbf is in the future by less than the tolerance',
  async (t) => {
    const pair = GENERATE.EdDSA()
    const { status } = await buildResourceServer(t, { keys: [pair.publicKey], clockTolerance: '1m' })
    const seconds = Math.floor(Date.now() / SECOND)
    t.equal(await status(await sign(pair, { claims: { nbf: seconds + 30 } })), 200)
    t.equal(await status(await sign(pair, { claims: { nbf: seconds + 300 } })), 401)
  }
)

import t, { type Test } from 'tap'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { ALL_MODES, connect, eventuallyStatus, MODES, startApp } from '../../support/outage.js'
import { startProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

/** How long an app that finds no Redis takes until it is ready: three seconds, on a busy machine. */
const READY_MS = 5000

/** An app of each mode starts, is asked, and finds Redis later. */
async function startEach(t: Test, port: number, password: string | undefined, mend: () => unknown) {
  const options = password === undefined ? {} : { password }
  const apps = await Promise.all(
    ALL_MODES.map(async (mode) => {
      const since = performance.now()
      const started = await startApp(t, connect(t, port, options), { revocation: MODES[mode] })
      t.ok(performance.now() - since < READY_MS, `${mode} is ready`)
      const warnings = started.logs.filter(({ event }) => event === 'revocation_feed_stale')
      t.equal(warnings.length, MODES[mode].mode === 'feed' ? 1 : 0, `${mode} says what it does not know`)
      return { mode, ...started }
    })
  )
  for (const { app, mode } of apps) {
    const answer = await new Client(app).login()
    t.equal(answer.statusCode, 503, mode)
    t.equal(answer.headers['retry-after'], '1')
  }
  await mend()
  for (const { app, mode, logs } of apps) {
    const client = new Client(app)
    t.equal(await eventuallyStatus(() => client.login({ sub: 'grace' }), 15_000), 200, mode)
    t.equal((await client.refresh()).statusCode, 200)
    t.equal(await eventuallyStatus(() => client.call()), 200)
    if (MODES[mode].mode === 'feed') {
      await eventually(() => logs.some(({ event }) => event === 'revocation_feed_recovered'), 15_000)
    }
    t.equal((await client.copy().logout()).statusCode, 200)
    t.equal((await client.call()).statusCode, 401)
    await eventually(async () => (await app.sessions.list('ada')).length === 0)
  }
}

t.test('an app that starts while connections are refused', async (t) => {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  proxy.refuse()
  await startEach(t, proxy.port, undefined, () => proxy.accept())
})

t.test('an app that starts while the network swallows all', async (t) => {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  proxy.freeze()
  await startEach(t, proxy.port, undefined, () => proxy.thaw())
})

t.test('an app that starts with a wrong password, which becomes right', async (t) => {
  const server = await startRedis(t, ['--requirepass', 'another'])
  const direct = server.client({ password: 'another' })
  await startEach(t, server.port, 'right', () => direct.config('SET', 'requirepass', 'right'))
})

import t, { type Test } from 'tap'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { ALL_MODES, connect, eventuallyStatus, MODES, startApp } from '../../support/outage.js'
import { startProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

// The tests mostly wait, each for its own server.
t.jobs = 3

/** Starts an application in each mode without Redis. It must be ready, respond 503, and work when Redis appears. */
async function startEach(t: Test, port: number, password: string | undefined, repair: () => unknown) {
  const options = password === undefined ? {} : { password }
  const apps = await Promise.all(
    ALL_MODES.map(async (mode) => {
      const started = await startApp(t, connect(t, port, options), { revocation: MODES[mode] })
      const warnings = started.logs.filter(({ event }) => event === 'revocation_feed_stale')
      t.equal(warnings.length, MODES[mode].mode === 'feed' ? 1 : 0, `${mode} logs that the feed is stale`)
      return { mode, ...started }
    })
  )
  for (const { app, mode } of apps) {
    const response = await new Client(app).login()
    t.equal(response.statusCode, 503, mode)
    t.equal(response.headers['retry-after'], '1')
  }
  await repair()
  for (const { app, mode, logs } of apps) {
    const client = new Client(app)
    t.equal(await eventuallyStatus(() => client.login({ sub: 'grace' })), 200, mode)
    // A busy machine may need longer than the short timeout.
    t.equal(await eventuallyStatus(() => client.refresh()), 200)
    t.equal(await eventuallyStatus(() => client.call()), 200)
    if (MODES[mode].mode === 'feed') {
      await eventually(() => logs.some(({ event }) => event === 'revocation_feed_recovered'))
    }
    t.equal(await eventuallyStatus(() => client.copy().logout()), 200)
    t.equal((await client.call()).statusCode, 401)
    await eventually(async () => (await app.sessions.list('ada')).length === 0)
  }
}

t.test('starts while connections are refused', async (t) => {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  proxy.refuse()
  await startEach(t, proxy.port, undefined, () => proxy.accept())
})

t.test('starts while packets are dropped silently', async (t) => {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  proxy.freeze()
  await startEach(t, proxy.port, undefined, () => proxy.thaw())
})

t.test('starts with a wrong password that becomes right', async (t) => {
  const server = await startRedis(t, ['--requirepass', 'another'])
  const direct = server.client({ password: 'another' })
  await startEach(t, server.port, 'right', () => direct.config('SET', 'requirepass', 'right'))
})

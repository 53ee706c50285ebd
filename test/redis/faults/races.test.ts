import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import type { Script } from '../../../lib/store/redis/run-script.js'
import { createScript } from '../../../lib/store/redis/scripts/create.js'
import { revokeScript } from '../../../lib/store/redis/scripts/revoke.js'
import { revokeAllScript } from '../../../lib/store/redis/scripts/revoke-all.js'
import { rotateScript } from '../../../lib/store/redis/scripts/rotate.js'
import { Client } from '../../support/client.js'
import { connect, MODES, postWithAccess, sidOf, startApp } from '../../support/outage.js'
import { startProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

interface Race {
  app: FastifyInstance
  other: FastifyInstance
  client: Client
  /** Redis executes the script, its reply is lost, `meanwhile` runs elsewhere, and ioredis sends the script again. */
  sentTwice(
    script: Script,
    send: () => Promise<LightMyRequestResponse>,
    meanwhile: () => Promise<unknown>
  ): Promise<LightMyRequestResponse>
}

async function startRace(t: Test): Promise<Race> {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  const redis = connect(t, proxy.port, { retryStrategy: () => 20 })
  const options = { keyPrefix: 'test:', storeTimeout: '10s', revocation: MODES.store }
  const { app } = await startApp(t, redis, options)
  const { app: other } = await startApp(t, server.client(), options)
  // Loads the scripts in Redis.
  const warm = new Client(app)
  for (const logout of [() => warm.logout(), () => postWithAccess(warm, '/auth/logout-all')]) {
    await warm.login({ sub: 'warm' })
    await warm.refresh()
    await logout()
  }
  const client = new Client(app)
  await client.login()
  return {
    app,
    other,
    client,
    async sentTwice(script, send, meanwhile) {
      const lost = proxy.loseReplyTo(script.sha1)
      const pending = send()
      await lost
      proxy.refuse()
      await meanwhile()
      proxy.accept()
      return pending
    }
  }
}

t.test('a refresh that is sent again after a logout does not restore the session', async (t) => {
  const { client, other, sentTwice } = await startRace(t)
  const leaving = new Client(other, {}, client.jar.copy())
  const response = await sentTwice(
    rotateScript,
    () => client.copy().refresh(),
    () => leaving.logout()
  )
  t.equal(response.json().code, 'FRT_ERR_SESSION_REVOKED')
  t.same(await other.sessions.list('ada'), [])
  t.equal((await client.refresh()).statusCode, 401)
  t.equal((await client.call()).statusCode, 401)
})

t.test('a login that is sent again after a logout-all creates no session', async (t) => {
  const { app, other, sentTwice } = await startRace(t)
  const response = await sentTwice(
    createScript,
    () => new Client(app).login(),
    () => other.sessions.revokeAll('ada')
  )
  t.equal(response.json().code, 'FRT_ERR_SESSION_REVOKED')
  t.same(await other.sessions.list('ada'), [])
})

t.test('a login that is sent again after a later login keeps both sessions', async (t) => {
  const { app, other, sentTwice } = await startRace(t)
  const newer = new Client(other)
  const client = new Client(app)
  await sentTwice(
    createScript,
    () => client.login(),
    () => newer.login()
  )
  for (const user of [client, newer]) {
    t.equal((await user.refresh()).statusCode, 200)
    t.equal((await user.call()).statusCode, 200)
  }
  t.equal((await other.sessions.list('ada')).length, 3)
})

for (const [name, script, send] of [
  ['logout', revokeScript, (client: Client) => client.copy().logout()],
  ['logout-all', revokeAllScript, (client: Client) => postWithAccess(client, '/auth/logout-all')]
] as const) {
  t.test(`a ${name} that is sent again keeps later logins`, async (t) => {
    const { client, other, sentTwice } = await startRace(t)
    const newer = new Client(other)
    const response = await sentTwice(
      script,
      () => send(client),
      () => newer.login()
    )
    t.equal(response.statusCode, 200)
    t.match(await other.sessions.list('ada'), [{ sid: sidOf(newer) }])
    t.equal((await newer.refresh()).statusCode, 200)
    t.equal((await newer.call()).statusCode, 200)
    t.equal((await client.refresh()).statusCode, 401)
  })
}

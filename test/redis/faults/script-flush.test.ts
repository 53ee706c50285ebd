import { setImmediate as settle } from 'node:timers/promises'
import t from 'tap'
import { createScript } from '../../../lib/store/redis/scripts/create.js'
import { revokeScript } from '../../../lib/store/redis/scripts/revoke.js'
import { rotateScript } from '../../../lib/store/redis/scripts/rotate.js'
import { Client } from '../../support/client.js'
import { connect, MODES, postWithAccess, startApp } from '../../support/outage.js'
import { startProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

/** Runs the requests of a user from login to logout. Returns the statuses other than 200. */
async function visit(client: Client, sub: string): Promise<number[]> {
  const statuses = [(await client.login({ sub })).statusCode]
  for (let i = 0; i < 5; i++) {
    statuses.push((await client.refresh()).statusCode, (await client.call()).statusCode)
  }
  statuses.push((await client.call('/auth/sessions')).statusCode)
  const logout = sub.endsWith('0') ? postWithAccess(client, '/auth/logout-all') : client.logout()
  statuses.push((await logout).statusCode)
  return statuses.filter((status) => status !== 200)
}

for (const enableAutoPipelining of [false, true]) {
  t.test(
    `SCRIPT FLUSH during load causes no error with enableAutoPipelining ${enableAutoPipelining}`,
    async (t) => {
      const server = await startRedis(t)
      const redis = server.client({ enableAutoPipelining })
      const options = { storeTimeout: '10s', revocation: MODES.store, refreshToken: { grace: 0 } }
      const { app } = await startApp(t, redis, options)
      const direct = server.client()
      let isDone = false
      let flushes = 0
      const flushing = (async () => {
        while (!isDone) {
          await direct.script('FLUSH')
          flushes++
          await settle()
        }
      })()
      const visits = Array.from({ length: 40 }, (_, i) => visit(new Client(app), `user ${i}`))
      t.same((await Promise.all(visits)).flat(), [])
      isDone = true
      await flushing
      t.ok(flushes > 10, `${flushes} flushes`)
    }
  )
}

for (const { script, name, send } of [
  { name: 'login', script: createScript, send: (client: Client) => client.copy().login({ sub: 'grace' }) },
  { name: 'refresh', script: rotateScript, send: (client: Client) => client.copy().refresh() },
  { name: 'logout', script: revokeScript, send: (client: Client) => client.copy().logout() }
]) {
  t.test(
    `a ${name} whose reply was lost is executed once, even if the scripts were flushed meanwhile`,
    async (t) => {
      const server = await startRedis(t)
      const proxy = await startProxy(t, server.port)
      const direct = server.client()
      const redis = connect(t, proxy.port, { retryStrategy: () => 20 })
      const logouts: string[] = []
      const { app } = await startApp(t, redis, {
        storeTimeout: '10s',
        onLogout: ({ reason }) => void logouts.push(reason)
      })
      const client = new Client(app)
      await visit(new Client(app), 'warm')
      await client.login({ sub: 'ada' })
      logouts.length = 0
      const lost = proxy.loseReplyTo(script.sha1)
      const pending = send(client)
      await lost
      proxy.refuse()
      await direct.script('FLUSH')
      proxy.accept()
      t.equal((await pending).statusCode, 200)
      const sessions = [await app.sessions.list('ada'), await app.sessions.list('grace')].flat()
      t.equal(sessions.length, { login: 1, refresh: 1, logout: 0 }[name])
      t.match(sessions, { login: [{ gen: 1 }], refresh: [{ gen: 2 }], logout: [] }[name])
      t.same(logouts, { login: ['replaced'], refresh: [], logout: ['logout'] }[name])
    }
  )
}

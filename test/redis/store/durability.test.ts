import t, { type Test } from 'tap'
import type { FastifyRefreshTokenOptions, SessionEvent } from '../../../lib/index.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { startLiveApp } from '../../support/live-app.js'
import type { RedisServer } from '../../support/redis-server.js'
import { logIn, startAppOn, startPair } from '../../support/replica-pair.js'
import { isReplicated } from '../../support/server-group.js'

const OF = ['revoke', 'create', 'rotate'] as const

const startApp = (t: Test, master: RedisServer, options: Partial<FastifyRefreshTokenOptions> = {}) =>
  startAppOn(t, master, { durability: { replicas: 1, of: OF }, ...options })

t.test('logins and refreshes that succeeded survive the loss of the master', async (t) => {
  const { master, replica } = await startPair(t)
  const app = await startApp(t, master, { storeTimeout: '10s' })
  const promote = replica.client()
  await eventually(() => isReplicated(master, 1))
  const users = Array.from({ length: 60 }, () => new Client(app))

  const logins = await Promise.all(users.map((user, i) => user.login({ sub: `user-${i}` })))
  const refreshes = await Promise.all(users.slice(30).map((user) => user.refresh()))
  process.kill(master.pid, 'SIGKILL')
  const statuses = [...logins, ...refreshes].map(({ statusCode }) => statusCode)
  t.same(new Set(statuses), new Set([200]))
  await promote.replicaof('NO', 'ONE')

  const rows: number[] = []
  const onRefresh: FastifyRefreshTokenOptions['onRefresh'] = ({ row }) => rows.push(row)
  const promoted = await startApp(t, replica, { storeTimeout: '10s', durability: {}, onRefresh })
  for (const user of users) t.equal((await new Client(promoted, {}, user.jar).refresh()).statusCode, 200)
  t.same(new Set(rows), new Set([3, 4]), 'the new master has each generation')
})

t.test('a login that is not replicated fails, and leaves no session', async (t) => {
  const { master, pause, resume } = await startPair(t)
  const events: SessionEvent[] = []
  const record = (event: SessionEvent) => events.push(event)
  const app = await startApp(t, master, { onLogin: record, onLogout: record })
  const user = new Client(app)
  pause()

  const response = await user.login({ sub: 'ada' })
  t.equal(response.statusCode, 503)
  t.equal(response.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
  t.equal(response.headers['retry-after'], '1')
  t.equal(response.headers['set-cookie'], undefined)
  await eventually(async () => (await app.sessions.list('ada')).length === 0)
  t.same(events, [], 'neither a login nor a logout')

  resume()
  await eventually(async () => (await user.login({ sub: 'ada' })).statusCode === 200)
  t.equal((await app.sessions.list('ada')).length, 1)
})

t.test('a refresh that is not replicated fails, and its token can be used again', async (t) => {
  const { master, pause, resume } = await startPair(t)
  const rows: number[] = []
  const onRefresh: FastifyRefreshTokenOptions['onRefresh'] = ({ row }) => rows.push(row)
  const app = await startApp(t, master, { onRefresh })
  const user = await logIn(app)
  pause()

  for (const attempt of ['the rotation', 'the replay']) {
    const response = await user.refresh()
    t.equal(response.statusCode, 503, attempt)
    t.equal(response.headers['set-cookie'], undefined)
  }

  resume()
  await eventually(async () => (await user.refresh()).statusCode === 200)
  t.same(new Set(rows), new Set([4, 6]))
  t.equal((await user.refresh()).statusCode, 200)
})

t.test(
  'a second tab in the grace period does not wait, because its token is accepted for a limited time',
  async (t) => {
    const { master, pause } = await startPair(t)
    const rows: number[] = []
    const app = await startApp(t, master, { storeTimeout: '10s', onRefresh: ({ row }) => rows.push(row) })
    const user = new Client(app)
    await user.login({ sub: 'ada' })
    const secondTab = user.copy()
    await user.refresh()
    await user.call()
    await eventually(async () => (await new Client(app, {}, user.jar.copy()).refresh()).statusCode === 200)
    pause()
    t.equal((await secondTab.refresh()).statusCode, 200)
    t.equal(rows.at(-1), 7)
  }
)

t.test('a refresh in the cooldown does not wait, because the client already has the token', async (t) => {
  const { master, pause } = await startPair(t)
  const app = await startApp(t, master, { storeTimeout: '10s' })
  const user = await logIn(app)
  await user.refresh()
  await user.refresh()
  pause()
  t.equal((await user.refresh()).statusCode, 200)
})

t.test(
  'a login whose session is revoked while it waits gets the reason, and no outage is reported',
  async (t) => {
    const { master } = await startPair(t)
    const { app, logs } = await startLiveApp(t, {
      redis: master.client(),
      storeTimeout: '10s',
      session: { maxPerUser: 1 },
      durability: { replicas: 1, of: OF }
    })
    const responses = await Promise.all(
      Array.from({ length: 20 }, () => new Client(app).login({ sub: 'ada' }))
    )
    const codes = responses.map((response) => response.json().code ?? response.statusCode)
    t.same(new Set([...codes, 200, 'FRT_ERR_SESSION_REVOKED']), new Set([200, 'FRT_ERR_SESSION_REVOKED']))
    t.notOk(logs.some(({ event }) => event === 'store_unavailable'))
  }
)

t.test('only the writes in durability.of wait', async (t) => {
  const { master, pause } = await startPair(t)
  const app = await startApp(t, master, { durability: { replicas: 1, of: ['create'] } })
  const user = await logIn(app)
  pause()
  t.equal((await new Client(app).login({ sub: 'grace' })).statusCode, 503)
  t.equal((await user.refresh()).statusCode, 200)
  t.equal((await user.logout()).statusCode, 200)
})

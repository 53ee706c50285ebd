import { once } from 'node:events'
import t, { type Test } from 'tap'
import { Client } from '../support/client.js'
import { eventually } from '../support/eventually.js'
import { startLiveApp } from '../support/live-app.js'
import { startRedis } from '../support/redis-server.js'

// Checks the table "Persistence" of docs/guides/redis.md: what a crash loses, and what it means for sessions.

t.test(
  'a snapshot keeps a session with one later refresh, and loses two refreshes, a login and a logout',
  async (t) => {
    const { app, redis, crash } = await startApp(t, ['--save', '3600 1'])
    const [idle, refreshedOnce, refreshedTwice, loggedOut] = await Promise.all(
      ['a', 'b', 'c', 'd'].map((sub) => login(app, sub))
    )
    await redis.save()
    await refreshedOnce!.refresh()
    await refreshedTwice!.refresh()
    await refreshedTwice!.refresh()
    const copy = loggedOut!.copy()
    await loggedOut!.logout()
    const late = await login(app, 'e')

    const after = await crash()
    t.equal((await as(after, idle!).refresh()).statusCode, 200)
    t.equal((await as(after, refreshedOnce!).refresh()).statusCode, 200, 'row 9')
    t.equal((await as(after, refreshedTwice!).refresh()).json().code, 'FRT_ERR_SESSION_REVOKED', 'row 10')
    t.equal((await as(after, late).refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_EXPIRED')
    t.equal((await as(after, copy).refresh()).statusCode, 200, 'the logout is lost')
  }
)

t.test("a restored backup keeps refreshed sessions with rollback: 'accept'", async (t) => {
  const { app, redis, crash } = await startApp(t, ['--save', '3600 1'], 'accept')
  const client = await login(app, 'ada')
  await redis.save()
  for (const _ of [1, 2, 3]) await client.refresh()
  t.equal((await as(await crash(), client).refresh()).statusCode, 200)
})

t.test('appendfsync always loses no acknowledged write', async (t) => {
  const { app, crash } = await startApp(t, ['--appendonly', 'yes', '--appendfsync', 'always'])
  const [ada, grace] = [await login(app, 'ada'), await login(app, 'grace')]
  for (const _ of [1, 2, 3]) await ada.refresh()
  const copy = grace.copy()
  await grace.logout()

  const after = await crash()
  t.equal((await as(after, ada).refresh()).statusCode, 200)
  t.equal((await as(after, copy).refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
})

type App = Awaited<ReturnType<typeof startLiveApp>>['app']

/** Starts an application on a persistent Redis. `crash` kills both and starts them again. */
async function startApp(t: Test, args: string[], rollback: 'accept-one' | 'accept' = 'accept-one') {
  const folder = ['--dir', t.testdir()]
  const server = await startRedis(t, [...args, ...folder])
  const redis = server.client()
  const options = { refreshToken: { grace: 0, untilConfirmed: false, rollback } } as const
  const { app } = await startLiveApp(t, { redis, ...options })
  return {
    app,
    redis,
    async crash() {
      await app.close()
      const lost = once(redis, 'close')
      process.kill(server.pid, 'SIGKILL')
      await lost
      await server.stop()
      const restarted = await startRedis(t, [...args, ...folder])
      const client = restarted.client()
      await eventually(() => client.status === 'ready')
      return (await startLiveApp(t, { redis: client, ...options })).app
    }
  }
}

async function login(app: App, sub: string): Promise<Client> {
  const client = new Client(app)
  await client.login({ sub })
  return client
}

function as(app: App, { jar }: Client): Client {
  return new Client(app, {}, jar)
}

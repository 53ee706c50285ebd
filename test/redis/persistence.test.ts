import { once } from 'node:events'
import t, { type Test } from 'tap'
import { Client } from '../support/client.js'
import { eventually } from '../support/eventually.js'
import { startLiveApp } from '../support/live-app.js'
import { startRedis } from '../support/redis-server.js'

// The table "Persistence" of docs/guides/redis.md: what a crash takes, and what becomes of those who are logged in.

t.test(
  'a snapshot: one refresh since goes on, two end the session, a login is lost, a logout undone',
  async (t) => {
    const { app, redis, crash } = await startApp(t, ['--save', '3600 1'])
    const [quiet, once, twice, gone] = await Promise.all(['a', 'b', 'c', 'd'].map((sub) => login(app, sub)))
    await redis.save()
    await once!.refresh()
    await twice!.refresh()
    await twice!.refresh()
    const left = gone!.copy()
    await gone!.logout()
    const late = await login(app, 'e')

    const after = await crash()
    t.equal((await as(after, quiet!).refresh()).statusCode, 200)
    t.equal((await as(after, once!).refresh()).statusCode, 200, 'row 9')
    t.equal((await as(after, twice!).refresh()).json().code, 'FRT_ERR_SESSION_REVOKED', 'row 10')
    t.equal((await as(after, late).refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_EXPIRED')
    t.equal((await as(after, left).refresh()).statusCode, 200, 'nobody knows of the logout')
  }
)

t.test("a restored backup with rollback: 'accept': who refreshed goes on", async (t) => {
  const { app, redis, crash } = await startApp(t, ['--save', '3600 1'], 'accept')
  const client = await login(app, 'ada')
  await redis.save()
  for (const _ of [1, 2, 3]) await client.refresh()
  t.equal((await as(await crash(), client).refresh()).statusCode, 200)
})

t.test('appendfsync always: nothing that was answered', async (t) => {
  const { app, crash } = await startApp(t, ['--appendonly', 'yes', '--appendfsync', 'always'])
  const [ada, grace] = [await login(app, 'ada'), await login(app, 'grace')]
  for (const _ of [1, 2, 3]) await ada.refresh()
  const left = grace.copy()
  await grace.logout()

  const after = await crash()
  t.equal((await as(after, ada).refresh()).statusCode, 200)
  t.equal((await as(after, left).refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
})

type App = Awaited<ReturnType<typeof startLiveApp>>['app']

/** An app on a Redis that keeps its data in a folder; after the crash another app, which remembers nothing. */
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

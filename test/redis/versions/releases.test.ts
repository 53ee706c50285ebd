import Fastify, { type FastifyInstance } from 'fastify'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { type FastifyRefreshTokenOptions, fastifyRefreshToken, type Identity } from '../../../lib/index.js'
import { tagOf } from '../../../lib/tokens/session-id.js'
import { SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { Fleet } from '../../support/fleet.js'
import { startRedis } from '../../support/redis-server.js'
import { asRelease, patched, readsBoth, writesNext } from '../../support/releases.js'

/** Starts an application of one release on a shared Redis. */
async function open(
  t: Test,
  redis: Redis,
  options: Partial<FastifyRefreshTokenOptions> = {}
): Promise<FastifyInstance> {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(fastifyRefreshToken, {
    secret: SECRET,
    redis,
    login: (request) => request.body as Identity,
    ...options
  })
  app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
  await app.ready()
  return app
}

/** Returns the same client, whose next request reaches another process. */
function at(app: FastifyInstance, { options, jar }: Client): Client {
  return new Client(app, options, jar)
}

function keyOf(sub: string): string {
  return `frt:{${tagOf(sub)}}:s`
}

async function formatOf(redis: Redis, sub: string): Promise<number | undefined> {
  return (await redis.getBuffer(keyOf(sub)))?.[0]
}

t.test('two releases with different scripts and one format share a Redis', async (t) => {
  const redis = (await startRedis(t)).client()
  const apps = [await open(t, redis), await open(t, asRelease(redis, patched))]

  for (const [one, other] of [apps, apps.toReversed()] as [FastifyInstance, FastifyInstance][]) {
    const client = new Client(one)
    await client.login({ sub: 'ada', claims: { roles: ['reader'] }, metadata: { device: 'phone' } })
    const there = at(other, client)
    t.match((await there.call()).json(), { sub: 'ada', gen: 1, roles: ['reader'] })
    t.equal((await there.refresh()).statusCode, 200)
    t.match((await client.call()).json(), { sub: 'ada', gen: 2, roles: ['reader'] })
    t.match(await one.sessions.list('ada'), [{ gen: 2, metadata: { device: 'phone' } }])
    t.match(await other.sessions.list('ada'), await one.sessions.list('ada'))

    t.equal((await there.post('/logout')).statusCode, 200)
    await eventually(async () => (await client.call()).statusCode === 401)
    t.match((await client.call()).json(), { code: 'FRT_ERR_SESSION_REVOKED' }, 'the feed is readable')
    t.match((await client.refresh()).json(), { code: 'FRT_ERR_SESSION_REVOKED' }, 'the denylist is readable')
  }
})

t.test('a rolling upgrade and a rollback under load log no user out', async (t) => {
  const server = await startRedis(t)
  const redis = server.client()
  const subs = Array.from({ length: 8 }, (_, user) => `user-${user}`)
  const [fleet] = (await Fleet.launch(t, { name: 'releases', redis, subs })) as [Fleet]
  const { counts } = fleet
  fleet.drive()

  const releases = [
    { name: 'other scripts', rewrite: patched, format: 2 },
    { name: 'reads both formats', rewrite: readsBoth, format: 2 },
    { name: 'writes the next format', rewrite: writesNext, format: 3 },
    { name: 'the previous release', rewrite: readsBoth, format: 2 }
  ]
  for (const { name, rewrite, format } of releases) {
    for (const app of [0, 1]) {
      await fleet.replace(t, app, asRelease(redis, rewrite))
      const before = counts.rotated
      // While both releases run, and when only the new one runs.
      await eventually(() => counts.rotated >= before + subs.length, 30_000)
    }
    const formats = await Promise.all(subs.map((sub) => formatOf(redis, sub)))
    t.ok(formats.includes(format), `${name}: sessions are of format ${format}`)
  }
  await fleet.rest()
  t.same(counts.loggedOut, {})
  t.match(counts, { rollbacks: 0, hung: 0 })
})

t.test('an older release responses 503 for sessions in an unknown format', async (t) => {
  const redis = (await startRedis(t)).client()
  const older = await open(t, redis)
  const newer = await open(t, asRelease(redis, writesNext))
  const checking = await open(t, redis, { revocation: { mode: 'store' } })

  const ada = new Client(newer)
  await ada.login({ sub: 'ada' })
  const { sid } = (await ada.call()).json()
  t.equal(await formatOf(redis, 'ada'), 3)
  const before = await redis.getBuffer(keyOf('ada'))

  const downgraded = at(older, ada)
  const responses = {
    refresh: await downgraded.loseResponse(),
    login: await new Client(older).login({ sub: 'ada' }),
    sessions: await downgraded.call('/auth/sessions'),
    'a guarded route that queries the store': await at(checking, ada).call()
  }
  for (const [name, { statusCode, headers, body }] of Object.entries(responses)) {
    t.equal(statusCode, 503, name)
    t.match(JSON.parse(body), { code: 'FRT_ERR_STORE_UNAVAILABLE' })
    t.ok(headers['retry-after'], name)
    t.equal(headers['set-cookie'], undefined, name)
  }
  t.equal((await downgraded.call()).statusCode, 200, 'access tokens stay valid')
  const unavailable = { code: 'FRT_ERR_STORE_UNAVAILABLE' }
  await t.rejects(older.sessions.list('ada'), unavailable)
  await t.rejects(older.sessions.get(sid), unavailable)
  await t.rejects(older.sessions.refresh(String(ada.jar.refreshToken)), unavailable)
  t.same(await redis.getBuffer(keyOf('ada')), before, 'the session is unchanged')
  t.ok((await redis.pttl(keyOf('ada'))) > 13 * 24 * 3_600_000, 'the expiry is unchanged')

  const bob = new Client(older)
  t.equal((await bob.login({ sub: 'bob' })).statusCode, 200, 'other users are not affected')
  t.equal((await bob.refresh()).statusCode, 200)

  t.equal((await ada.refresh()).statusCode, 200, 'the session continues with the newer release')
  t.match((await ada.call()).json(), { sub: 'ada', gen: 2 })
})

t.test('a logout that only the newer release can execute is a 503 before', async (t) => {
  const redis = (await startRedis(t)).client()
  const older = await open(t, redis)
  const newer = await open(t, asRelease(redis, writesNext))
  const ada = new Client(newer)
  await ada.login({ sub: 'ada' })
  const response = await at(older, ada).post('/logout')
  t.equal(response.statusCode, 503)
  t.equal(response.headers['set-cookie'], undefined)
  t.equal((await at(older, ada).call()).statusCode, 401, 'that process rejects the session already')
  t.equal((await ada.post('/logout')).statusCode, 200)
  t.match((await ada.refresh()).json(), { code: 'FRT_ERR_SESSION_REVOKED' })
})

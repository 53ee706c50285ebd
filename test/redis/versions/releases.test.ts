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
import { asRelease, patched, readsBoth, writesSecond } from '../../support/releases.js'

/** An app of a release, which shares its Redis with others. */
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

/** The same browser, whose next request reaches another process. */
function at(app: FastifyInstance, { options, jar }: Client): Client {
  return new Client(app, options, jar)
}

function keyOf(sub: string): string {
  return `frt:{${tagOf(sub).toString('base64url')}}:s`
}

async function formatOf(redis: Redis, sub: string): Promise<number | undefined> {
  return (await redis.getBuffer(keyOf(sub)))?.[0]
}

t.test('two releases with other scripts and one format, side by side', async (t) => {
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
    t.match((await client.call()).json(), { code: 'FRT_ERR_SESSION_REVOKED' }, 'the feed is understood')
    t.match((await client.refresh()).json(), { code: 'FRT_ERR_SESSION_REVOKED' }, 'so is the blacklist')
  }
})

t.test('an upgrade in place and a rollback under load log nobody out', async (t) => {
  const server = await startRedis(t)
  const redis = server.client()
  const subs = Array.from({ length: 8 }, (_, user) => `user-${user}`)
  const [fleet] = (await Fleet.launch(t, { name: 'releases', redis, subs })) as [Fleet]
  const { counts } = fleet
  fleet.drive()

  const releases = [
    { name: 'other scripts', rewrite: patched, format: 1 },
    { name: 'reads what comes', rewrite: readsBoth, format: 1 },
    { name: 'writes it', rewrite: writesSecond, format: 2 },
    { name: 'the one before', rewrite: readsBoth, format: 1 }
  ]
  for (const { name, rewrite, format } of releases) {
    for (const app of [0, 1]) {
      await fleet.replace(t, app, asRelease(redis, rewrite))
      const before = counts.rotated
      // While both run, and when only the new one does.
      await eventually(() => counts.rotated >= before + subs.length, 30_000)
    }
    const formats = await Promise.all(subs.map((sub) => formatOf(redis, sub)))
    t.ok(formats.includes(format), `${name}: sessions are of format ${format}`)
  }
  await fleet.rest()
  t.same(counts.loggedOut, {})
  t.match(counts, { rollbacks: 0, hung: 0 })
})

t.test('an older release meets sessions of a format that it does not know', async (t) => {
  const redis = (await startRedis(t)).client()
  const older = await open(t, redis)
  const newer = await open(t, asRelease(redis, writesSecond))
  const asking = await open(t, redis, { revocation: { mode: 'store' } })

  const ada = new Client(newer)
  await ada.login({ sub: 'ada' })
  const { sid } = (await ada.call()).json()
  t.equal(await formatOf(redis, 'ada'), 2)
  const before = await redis.getBuffer(keyOf('ada'))

  const downgraded = at(older, ada)
  const answers = {
    refresh: await downgraded.loseAnswer(),
    login: await new Client(older).login({ sub: 'ada' }),
    sessions: await downgraded.call('/auth/sessions'),
    'a guarded route that asks the store': await at(asking, ada).call()
  }
  for (const [name, { statusCode, headers, body }] of Object.entries(answers)) {
    t.equal(statusCode, 503, name)
    t.match(JSON.parse(body), { code: 'FRT_ERR_STORE_UNAVAILABLE' })
    t.ok(headers['retry-after'], name)
    t.equal(headers['set-cookie'], undefined, name)
  }
  t.equal((await downgraded.call()).statusCode, 200, 'access tokens are good meanwhile')
  const unavailable = { code: 'FRT_ERR_STORE_UNAVAILABLE' }
  await t.rejects(older.sessions.list('ada'), unavailable)
  await t.rejects(older.sessions.get(sid), unavailable)
  await t.rejects(older.sessions.refresh(String(ada.jar.refreshToken)), unavailable)
  t.same(await redis.getBuffer(keyOf('ada')), before, 'nothing is overwritten')
  t.ok((await redis.pttl(keyOf('ada'))) > 13 * 24 * 3_600_000, 'nothing is forgotten sooner')

  const bob = new Client(older)
  t.equal((await bob.login({ sub: 'bob' })).statusCode, 200, 'others are served')
  t.equal((await bob.refresh()).statusCode, 200)

  t.equal((await ada.refresh()).statusCode, 200, 'with the newer release the session goes on')
  t.match((await ada.call()).json(), { sub: 'ada', gen: 2 })
})

t.test('a logout that only the newer release can carry out is no logout before', async (t) => {
  const redis = (await startRedis(t)).client()
  const older = await open(t, redis)
  const newer = await open(t, asRelease(redis, writesSecond))
  const ada = new Client(newer)
  await ada.login({ sub: 'ada' })
  const answer = await at(older, ada).post('/logout')
  t.equal(answer.statusCode, 503)
  t.equal(answer.headers['set-cookie'], undefined)
  t.equal((await at(older, ada).call()).statusCode, 401, 'that process refuses the session already')
  t.equal((await ada.post('/logout')).statusCode, 200)
  t.match((await ada.refresh()).json(), { code: 'FRT_ERR_SESSION_REVOKED' })
})

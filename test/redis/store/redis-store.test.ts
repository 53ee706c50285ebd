import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { RedisStore } from '../../../lib/index.js'
import { tagOf } from '../../../lib/tokens/session-id.js'
import { buildApp } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { Clock } from '../../support/clock.js'
import { startRedis } from '../../support/redis-server.js'
import { openRedisStore } from '../../support/stores.js'

const server = await startRedis(t)
const redis = server.client()

/** An application whose store uses the clock of Redis, as in production. */
async function openApp(t: Test, client = redis) {
  const keyPrefix = `test:${randomUUID()}:`
  const store = new RedisStore({ redis: client, keyPrefix })
  const under = {
    store,
    clock: new Clock(),
    advance: async () => {},
    skew: () => {},
    settled: async () => {}
  }
  under.clock.nowMs = Date.now()
  return { ...(await buildApp(t, { under })), keyPrefix }
}

/** Returns all keys with a prefix, and their values as the bytes of `DUMP`. */
async function dumpAll(prefix: string): Promise<Map<string, Buffer>> {
  const values = new Map<string, Buffer>()
  for (const key of await redis.keys(`${prefix}*`)) {
    values.set(key, (await redis.dumpBuffer(key)) ?? Buffer.alloc(0))
  }
  return values
}

t.test('RedisStore stores no token and no secret, and every key has a TTL', async (t) => {
  const { app, keyPrefix } = await openApp(t)
  const client = new Client(app)
  const secrets: string[] = []
  const recordSecrets = () => {
    const { accessToken = '', refreshToken = '' } = client.jar
    const bytes = Buffer.from(refreshToken, 'base64url')
    secrets.push(refreshToken, accessToken, bytes.subarray(11, 27).toString('latin1'))
  }
  await client.login()
  recordSecrets()
  const oldClient = client.copy()
  await client.refresh()
  recordSecrets()
  await client.call()
  await oldClient.refresh()
  await client.logout()
  await client.login()
  recordSecrets()
  await client.app.sessions.revokeAll('ada')
  await client.login()
  recordSecrets()
  const bound = new Client(app, { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }) }, client.jar)
  await bound.login()
  recordSecrets()
  await bound.refresh()
  recordSecrets()

  const kinds = new Set<string>()
  for (const [key, value] of await dumpAll(keyPrefix)) {
    const ttl = await redis.pttl(key)
    // The stream has no TTL. It is trimmed.
    if (!key.endsWith(':revoked')) t.ok(ttl > 0, `${key} has a TTL of ${ttl} ms`)
    kinds.add(key.slice(keyPrefix.length).split(':')[1] as string)
    for (const secret of secrets) {
      t.notOk(key.includes(secret) || value.toString('latin1').includes(secret), `${key} contains no secret`)
    }
  }
  t.same([...kinds].sort(), ['b', 'j', 'o', 'p', 'revoked', 's'])
})

t.test('RedisStore puts all keys of a user into one Cluster slot', async (t) => {
  const { app, keyPrefix } = await openApp(t)
  const client = new Client(app)
  await client.login({ sub: 'user {x}' })
  await client.refresh()
  await client.logout()
  await client.login({ sub: 'user {x}' })
  const keys = await redis.keys(`${keyPrefix}{????????????}*`)
  t.ok(keys.length > 2)
  t.equal(new Set(keys.map((key) => /\{([\w-]{12})\}/.exec(key)?.[1])).size, 1)
})

t.test('a client without methods for bytes is rejected', async (t) => {
  const { evalsha, eval: run, duplicate } = redis
  const wrapper = { evalsha, eval: run, duplicate }
  t.throws(() => new RedisStore({ redis: wrapper }), {
    code: 'FRT_ERR_INVALID_OPTION',
    message: /evalshaBuffer/
  })
})

t.test('users whose hashes begin with the same four bytes have different keys', async (t) => {
  // Four bytes are quickly found. One more account could then make the refreshes of the other one slow.
  const subs = ['user-20491', 'user-32057'] as const
  const [own, other] = subs.map((sub) => createHash('sha256').update(sub).digest().toString('hex'))
  t.equal(own?.slice(0, 8), other?.slice(0, 8))
  const { app, keyPrefix } = await openApp(t)
  for (const sub of subs) await new Client(app).login({ sub })
  t.equal((await redis.keys(`${keyPrefix}*:s`)).length, 2)
})

t.test('a session uses the same memory after 1,000 rotations', async (t) => {
  const under = openRedisStore(redis)
  const { app, advance } = await buildApp(t, { under })
  const client = new Client(app)
  await client.login()
  const sizeOf = async () => {
    let bytes = 0
    for (const key of await redis.keys(`${under.keyPrefix}*`)) {
      bytes += (await redis.memory('USAGE', key)) ?? 0
    }
    return bytes
  }
  await client.refresh()
  const before = await sizeOf()
  for (let i = 0; i < 999; i++) {
    await advance(91_000)
    const { statusCode } = await client.refresh()
    if (statusCode !== 200) t.fail(`refresh ${i} returned ${statusCode}`)
  }
  t.match((await client.call()).json(), { gen: 1001 })
  t.ok(Math.abs((await sizeOf()) - before) <= 32, 'within 32 bytes')
})

t.test('a refresh calls one script in one round trip', async (t) => {
  const { app } = await openApp(t)
  const client = new Client(app)
  await client.login()
  await client.refresh()
  const calls = async () => {
    const stats = await redis.info('commandstats')
    const count = (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
    return { evalsha: count('evalsha'), eval: count('eval') }
  }
  const other = new Client(app)
  await other.login()
  const before = await calls()
  await other.refresh()
  const after = await calls()
  t.equal(after.evalsha - before.evalsha, 1)
  t.equal(after.eval, before.eval)
})

t.test('RedisStore sends a script again after SCRIPT FLUSH', async (t) => {
  const { app } = await openApp(t)
  const client = new Client(app)
  await client.login()
  await redis.script('FLUSH')
  t.equal((await client.refresh()).statusCode, 200)
  t.equal((await client.call()).statusCode, 200)
})

t.test('RedisStore works with the keyPrefix of the ioredis client', async (t) => {
  const prefixed = server.client({ keyPrefix: 'client:' })
  const { app, keyPrefix } = await openApp(t, prefixed)
  const client = new Client(app)
  await client.login()
  await client.refresh()
  t.equal((await app.sessions.list('ada')).length, 1)
  t.equal(await app.sessions.revokeAll('ada'), 1)
  t.same(await redis.keys(`${keyPrefix}*`), [])
  t.ok((await redis.keys(`client:${keyPrefix}*`)).length > 0)
})

for (const options of [{ stringNumbers: true }, { enableAutoPipelining: true }, { protocol: 3 }] as const) {
  t.test(`RedisStore works with the ioredis option ${Object.keys(options)[0]}`, async (t) => {
    const { app } = await openApp(t, server.client(options))
    const client = new Client(app)
    await client.login()
    t.equal((await client.refresh()).statusCode, 200)
    t.match((await client.call()).json(), { gen: 2 })
    t.match(await app.sessions.list('ada'), [{ gen: 2 }])
    t.same((await client.logout()).json(), {})
    t.equal((await client.call()).statusCode, 401)
  })
}

t.test('a session in another format version causes a 503 and keeps the cookie', async (t) => {
  const { app, keyPrefix } = await openApp(t)
  const client = new Client(app)
  await client.login()
  const [key] = (await redis.keys(`${keyPrefix}*:s`)) as [string]
  const packed = (await redis.getBuffer(key)) as Buffer
  packed.writeUInt8(3)
  await redis.set(key, packed, 'KEEPTTL')
  const response = await client.refresh()
  t.equal(response.statusCode, 503)
  t.equal(response.headers['set-cookie'], undefined)
  packed.writeUInt8(2)
  await redis.set(key, packed, 'KEEPTTL')
  t.equal((await client.refresh()).statusCode, 200)
})

t.test('a full Redis rejects a login completely, and accepts a logout', async (t) => {
  const fullServer = await startRedis(t, ['--maxmemory-policy', 'noeviction'])
  const direct = fullServer.client()
  const { app } = await openApp(t, direct)
  const [client, phone] = [new Client(app), new Client(app)]
  for (const device of [client, phone]) await device.login()
  await direct.config('SET', 'maxmemory', '1')
  t.equal((await new Client(app).login()).statusCode, 503)
  t.equal((await client.loseResponse()).statusCode, 503, 'a rejected refresh does not log the user out')
  t.equal((await client.call()).statusCode, 200)
  t.equal((await client.copy().logout()).statusCode, 200)
  t.equal((await client.call()).statusCode, 401)
  t.equal((await phone.call()).statusCode, 200, 'the other session of the user stays active')
  await direct.config('SET', 'maxmemory', '0')
  t.equal((await client.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
  t.equal((await phone.refresh()).statusCode, 200)
  t.equal((await app.sessions.list('ada')).length, 1)
})

t.test('an expired session is ignored, and the next write removes it', async (t) => {
  const under = openRedisStore(redis)
  const { app, keyPrefix, advance } = await buildApp(t, { under })
  const [shortSession, longSession] = [new Client(app), new Client(app)]
  await shortSession.login({ sub: 'ada', ttl: 60 })
  await longSession.login()
  const size = () => redis.strlen(`${keyPrefix}{${tagOf('ada')}}:s`)
  const sizeOfBoth = await size()
  await advance(61_000)
  t.equal((await shortSession.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_EXPIRED')
  t.equal((await app.sessions.list('ada')).length, 1)
  t.equal(await size(), sizeOfBoth, 'a read does not remove it')
  t.equal((await longSession.refresh()).statusCode, 200)
  t.ok((await size()) < sizeOfBoth)
})

// Stops the server of this file.
t.end()

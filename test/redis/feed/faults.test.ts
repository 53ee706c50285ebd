import { mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { type FastifyRefreshTokenOptions, fastifyRefreshToken, type LogoutEvent } from '../../../lib/index.js'
import { SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { type Node, nodesOf, readingOver, startProxy } from '../../support/proxy.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'

const deny = { revocation: { staleAfter: '1s', onStale: 'deny' } } as const
const allow = { revocation: { staleAfter: '1s', onStale: 'allow' } } as const

async function login({ app }: Node, sub = 'ada'): Promise<Client> {
  const client = new Client(app)
  await client.login({ sub })
  return client
}

/** The same client, of another process. */
function at({ app }: Node, client: Client): Client {
  return new Client(app, client.options, client.jar)
}

async function statusAt(node: Node, client: Client): Promise<number> {
  return (await at(node, client).call()).statusCode
}

/** How often something was logged. */
function logged({ logs }: Node, event: string): number {
  return logs.filter((line) => line.event === event).length
}

/** Whether each interruption is over. */
function isWhole(node: Node): boolean {
  return logged(node, 'revocation_feed_interrupted') === logged(node, 'revocation_feed_recovered')
}

/** Whether a request had to ask the store: with `deny` that is, whether the feed is stale. */
async function isStale(node: Node, client: Client): Promise<boolean> {
  node.calls.length = 0
  await at(node, client).call()
  return node.calls.includes('has')
}

/** Two processes, the reader of the second of which goes over a proxy. */
async function startPair(t: Test, server: RedisServer, options: Partial<FastifyRefreshTokenOptions>) {
  const redis = server.client()
  const proxy = await startProxy(t, server.port)
  const nodes = nodesOf(t, options)
  const one = await nodes.start(redis)
  // Never connected itself: it is what the reader's connections are made like.
  const over = new Redis({ host: '127.0.0.1', port: proxy.port, lazyConnect: true })
  t.after(() => over.disconnect())
  const other = await nodes.start(readingOver(server.client(), over))
  return { ...nodes, redis, proxy, one, other }
}

t.test('what cannot be told yet', async (t) => {
  const server = await startRedis(t)

  await t.test(
    'is a 503: the session has ended all the same, and it is told as soon as can be',
    async (t) => {
      const events: LogoutEvent[] = []
      const redis = server.client()
      const nodes = nodesOf(t, { onLogout: (event) => void events.push(event) })
      const one = await nodes.start(redis)
      const other = await nodes.start(server.client())
      const client = await login(one)
      await redis.set(nodes.feed, 'not a stream')
      const answer = await client.copy().logout()
      t.equal(answer.statusCode, 503)
      t.equal(answer.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
      t.equal(answer.headers['retry-after'], '1')
      t.equal(answer.headers['set-cookie'], undefined)
      t.same(await one.app.sessions.list('ada'), [], 'no refresh token is good any more')
      t.equal(await statusAt(one, client), 401)
      t.equal(await statusAt(other, client), 200, 'the other process does not know')
      t.match(events, [{ reason: 'logout' }])
      t.equal((await client.copy().logout()).statusCode, 503, 'nor does it when it is tried again')
      await redis.del(nodes.feed)
      await eventually(async () => (await statusAt(other, client)) === 401)
      t.equal((await client.copy().logout()).statusCode, 200)
      t.equal(events.length, 1)
    }
  )

  await t.test('is told by the process to which the logout comes again', async (t) => {
    const redis = server.client()
    const nodes = nodesOf(t)
    const one = await nodes.start(redis)
    const second = await nodes.start(server.client())
    const third = await nodes.start(server.client())
    const client = await login(one)
    await redis.set(nodes.feed, 'not a stream')
    t.equal((await client.copy().logout()).statusCode, 503)
    // The first process ends before it could tell.
    await one.app.close()
    await redis.del(nodes.feed)
    t.equal((await at(second, client.copy()).logout()).statusCode, 200)
    await eventually(async () => (await statusAt(third, client)) === 401)
  })

  await t.test(
    'fails no login: neither of the session that is evicted, nor of the one that is replaced',
    async (t) => {
      const redis = server.client()
      const nodes = nodesOf(t, { session: { maxPerUser: 1 } })
      const one = await nodes.start(redis)
      const other = await nodes.start(server.client())
      const evicted = await login(one)
      await redis.set(nodes.feed, 'not a stream')
      const replaced = await login(one)
      const last = replaced.copy()
      t.equal((await last.login()).statusCode, 200)
      t.equal(logged(one, 'news_delayed'), 1)
      t.equal(logged(one, 'end_delayed'), 1)
      t.same(
        one.logs.filter(({ level }) => level === 40).map(({ event }) => event),
        ['store_unavailable'],
        'one warning for all of it'
      )
      await redis.del(nodes.feed)
      for (const client of [evicted, replaced]) {
        await eventually(async () => (await statusAt(other, client)) === 401)
      }
      t.equal(await statusAt(other, last), 200)
    }
  )
})

t.test('in a full Redis a logout works, and is told', async (t) => {
  const server = await startRedis(t, ['--maxmemory-policy', 'noeviction'])
  const redis = server.client()
  const nodes = nodesOf(t)
  const one = await nodes.start(redis)
  const other = await nodes.start(server.client())
  const clients = [await login(one), await login(one), await login(one, 'grace')]
  await redis.config('SET', 'maxmemory', '1')
  await t.rejects(redis.set('a', 'b'), /OOM/)
  t.equal((await new Client(one.app).login()).statusCode, 503)
  for (const client of clients) {
    t.equal((await client.copy().logout()).statusCode, 200)
    await eventually(async () => (await statusAt(other, client)) === 401)
  }
  const entries = JSON.stringify(await redis.xrange(nodes.feed, '-', '+'))
  for (const { jar } of clients) t.ok(entries.includes(decodeSid(jar.accessToken as string)))
})

function decodeSid(accessToken: string): string {
  return JSON.parse(Buffer.from(accessToken.split('.')[1] as string, 'base64url').toString()).sid
}

t.test('a process that starts while Redis is down begins as stale, and catches up', async (t) => {
  const first = await startRedis(t)
  const options = { maxRetriesPerRequest: 0, retryStrategy: () => 50 }
  const redis = first.client(options)
  const nodes = nodesOf(t, { ...deny, storeTimeout: '200ms' })
  const other = await nodes.start(redis)
  const [revoked, alive] = [await login(other), await login(other)]
  await first.stop()
  const app = Fastify()
  await app.register(fastifyRefreshToken, { secret: SECRET, login: () => null, redis })
  // One that is closed before it was ready ends as the other begins.
  const closed = app.close()
  const node = await nodes.start(first.client(options))
  await closed
  t.equal(logged(node, 'revocation_feed_stale'), 1)
  t.equal((await at(node, alive).call()).json().code, 'FRT_ERR_STORE_UNAVAILABLE')
  const second = await startRedis(t, ['--port', String(first.port)])
  await eventually(async () => (await second.client(options).ping()) === 'PONG')
  // The sessions went with the first server: what counts is that the feed is known, and the store not asked.
  await eventually(async () => !(await isStale(node, alive)))
  await eventually(async () => (await at(other, revoked.copy()).logout()).statusCode === 200)
  await eventually(async () => (await statusAt(node, revoked)) === 401)
  t.equal(await statusAt(node, alive), 200)
})

t.test('a reader whose connection is broken again and again misses nothing', async (t) => {
  const server = await startRedis(t)
  const { one, other, proxy } = await startPair(t, server, deny)
  const clients = await Promise.all(Array.from({ length: 60 }, (_, i) => login(one, `user ${i}`)))
  for (const [i, client] of clients.entries()) {
    await client.copy().logout()
    if (i % 3 === 0) proxy.cut()
    if (i % 5 === 0) await sleep(10)
  }
  for (const client of clients) await eventually(async () => (await statusAt(other, client)) === 401)
  const alive = await login(one)
  await eventually(async () => !(await isStale(other, alive)))
  t.equal(logged(other, 'revocation_feed_gap'), 0)
  t.ok(logged(other, 'revocation_feed_interrupted') > 0)
  await eventually(() => isWhole(other))
})

t.test('so does one whose connection the server ends', async (t) => {
  const server = await startRedis(t)
  const redis = server.client()
  const nodes = nodesOf(t, deny)
  const one = await nodes.start(redis)
  const other = await nodes.start(server.client({ connectionName: 'other' }))
  for (let i = 0; i < 5; i++) {
    const client = await login(one)
    await eventually(async () => (await killReader(redis)) === 1)
    await client.copy().logout()
    await eventually(async () => (await statusAt(other, client)) === 401)
  }
  t.equal(logged(other, 'revocation_feed_gap'), 0)
})

/** Ends the reader's connection and no other. */
async function killReader(redis: Redis): Promise<number> {
  const list = String(await redis.client('LIST')).split('\n')
  const ids = list
    .filter((line) => / name=other .* cmd=xread /.test(line))
    .map((line) => /id=(\d+)/.exec(line)?.[1])
  for (const id of ids) await redis.client('KILL', 'ID', id as string)
  return ids.length
}

t.test('while Redis hangs', async (t) => {
  for (const [name, options, status] of [
    ['allow: guarded routes go on with what is known', allow, 200],
    ['deny: they are a 503', deny, 503]
  ] as const) {
    await t.test(name, async (t) => {
      const server = await startRedis(t)
      const redis = server.client()
      const nodes = nodesOf(t, { ...options, storeTimeout: '100ms' })
      const node = await nodes.start(redis)
      const [alive, revoked] = [await login(node), await login(node)]
      await revoked.copy().logout()
      process.kill(server.pid, 'SIGSTOP')
      t.teardown(() => process.kill(server.pid, 'SIGCONT'))
      nodes.clock.advance(1001)
      t.equal(await statusAt(node, alive), status)
      t.equal(await statusAt(node, revoked), 401, 'what is known is known')
      process.kill(server.pid, 'SIGCONT')
      await eventually(async () => (await statusAt(node, alive)) === 200)
    })
  }
})

t.test('where only the reader is cut off', async (t) => {
  const server = await startRedis(t)

  await t.test('deny: the store is asked, by either clock, and says what is right', async (t) => {
    const { one, other, proxy, clock } = await startPair(t, server, deny)
    for (const jump of ['wall', 'monotonic'] as const) {
      const [alive, revoked] = [await login(one), await login(one)]
      await eventually(async () => !(await isStale(other, alive)))
      proxy.freeze()
      await revoked.copy().logout()
      t.equal(await statusAt(other, revoked), 200, 'it cannot know yet')
      // As a process that was paused, or a machine that slept: no time for the reader to notice anything.
      let restore = () => {}
      if (jump === 'wall') {
        clock.advance(1001)
      } else {
        const now = performance.now.bind(performance)
        const mocked = mock.method(performance, 'now', () => now() + 1001)
        restore = () => mocked.mock.restore()
      }
      t.equal(await statusAt(other, revoked), 401, jump)
      t.equal(await statusAt(other, alive), 200)
      proxy.thaw()
      await eventually(async () => !(await isStale(other, alive)))
      t.equal(await statusAt(other, revoked), 401)
      restore()
    }
  })

  await t.test('in its own time it is stale after `staleAfter`, and connects anew', async (t) => {
    const { one, other, proxy } = await startPair(t, server, deny)
    const [alive, revoked] = [await login(one), await login(one)]
    proxy.freeze()
    const frozenAt = performance.now()
    await revoked.copy().logout()
    // A read that was asked for before still counts.
    await eventually(async () => (await statusAt(other, revoked)) === 401, 1500)
    t.ok(performance.now() - frozenAt < 1500)
    t.equal(await isStale(other, alive), true)
    t.equal(logged(other, 'revocation_feed_interrupted'), 1)
    // Those that were broken off hang in the proxy: the new ones go through.
    proxy.thaw()
    await eventually(async () => !(await isStale(other, alive)))
    t.equal(logged(other, 'revocation_feed_recovered'), 1)
    t.equal(logged(other, 'revocation_feed_gap'), 0)
  })

  await t.test('allow: guarded routes go on', async (t) => {
    const { one, other, proxy, clock } = await startPair(t, server, allow)
    const [alive, revoked] = [await login(one), await login(one)]
    proxy.freeze()
    await revoked.copy().logout()
    clock.advance(60_000)
    for (const client of [alive, revoked]) t.equal(await statusAt(other, client), 200)
    proxy.thaw()
    await eventually(async () => (await statusAt(other, revoked)) === 401)
    t.equal(await statusAt(other, alive), 200)
  })
})

t.test('what was lost while the reader was away', async (t) => {
  const server = await startRedis(t)

  for (const [name, lose] of [
    ['trimmed to one', (redis: Redis, key: string) => redis.xtrim(key, 'MAXLEN', '1')],
    ['trimmed to none', (redis: Redis, key: string) => redis.xtrim(key, 'MAXLEN', '0')],
    ['deleted', (redis: Redis, key: string) => redis.del(key)]
  ] as const) {
    await t.test(`a stream ${name} is a gap: deny asks the store`, async (t) => {
      const { one, other, proxy, redis, feed } = await startPair(t, server, deny)
      const clients = await Promise.all(Array.from({ length: 4 }, () => login(one)))
      const [before, missed, last, alive] = clients as [Client, Client, Client, Client]
      await before.copy().logout()
      await eventually(async () => (await statusAt(other, before)) === 401)
      proxy.refuse()
      proxy.cut()
      for (const client of [missed, last]) await client.copy().logout()
      await lose(redis, feed)
      proxy.accept()
      await eventually(() => logged(other, 'revocation_feed_recovered') > 0)
      t.equal(logged(other, 'revocation_feed_gap'), 1)
      t.equal(await isStale(other, alive), true)
      t.equal(await statusAt(other, missed), 401)
      t.equal(await statusAt(other, alive), 200)
    })
  }

  await t.test('no gap is claimed where nothing was lost', async (t) => {
    const { one, other, proxy, redis, feed } = await startPair(t, server, deny)
    const clients = await Promise.all(Array.from({ length: 4 }, () => login(one)))
    const reconnect = async () => {
      proxy.cut()
      const recovered = logged(other, 'revocation_feed_recovered')
      await eventually(() => logged(other, 'revocation_feed_recovered') > recovered)
    }
    await reconnect()
    for (const client of clients) {
      proxy.refuse()
      proxy.cut()
      await client.copy().logout()
      // What was read before may be trimmed: the first entry that is left follows the last that was read.
      if (client === clients[2]) await redis.xtrim(feed, 'MAXLEN', '1')
      proxy.accept()
      await eventually(async () => (await statusAt(other, client)) === 401)
      await eventually(() => isWhole(other))
    }
    t.equal(logged(other, 'revocation_feed_gap'), 0)
    t.equal(await isStale(other, await login(one)), false)
  })
})

t.test('a stream that is lost under a connection that lives', async (t) => {
  const server = await startRedis(t)

  await t.test('deleted: it is noticed though nothing is added, and told again', async (t) => {
    const { one, other, redis, feed, start } = await startPair(t, server, deny)
    const clients = await Promise.all([login(one), login(other), login(one)])
    const [ofOne, ofOther, alive] = clients as [Client, Client, Client]
    await at(one, ofOne.copy()).logout()
    await at(other, ofOther.copy()).logout()
    await eventually(async () => (await statusAt(other, ofOne)) + (await statusAt(one, ofOther)) === 802)
    await redis.del(feed)
    for (const node of [one, other]) {
      await eventually(() => logged(node, 'revocation_feed_gap') === 1, 1500)
      t.equal(await isStale(node, alive), true)
    }
    await eventually(async () => (await redis.xlen(feed)) === 2)
    const late = await start(server.client())
    for (const client of [ofOne, ofOther]) t.equal(await statusAt(late, client), 401)
  })

  await t.test('replaced by one with lower ids', async (t) => {
    const { one, other, redis, feed } = await startPair(t, server, allow)
    const [before, after] = [await login(one), await login(one)]
    await before.copy().logout()
    await eventually(async () => (await statusAt(other, before)) === 401)
    const revocation = { sids: [(await after.call()).json().sid], reason: 'logout', expiresAtMs: 0 }
    // At once, as a failover does it.
    await redis
      .multi()
      .del(feed)
      .xadd(feed, '1-1', 'before', '0-0', 'revocation', JSON.stringify(revocation))
      .exec()
    await eventually(async () => (await statusAt(other, after)) === 401, 1500)
    t.equal(logged(other, 'revocation_feed_gap'), 1)
  })

  await t.test('replaced by one with higher ids', async (t) => {
    const { one, other, redis, feed } = await startPair(t, server, deny)
    const [before, after, alive] = [await login(one), await login(one), await login(one)]
    await before.copy().logout()
    await eventually(async () => (await statusAt(other, before)) === 401)
    await redis.del(feed)
    await after.copy().logout()
    await eventually(async () => (await statusAt(other, after)) === 401)
    await eventually(() => logged(other, 'revocation_feed_gap') === 1)
    t.equal(await isStale(other, alive), true)
  })
})

t.test('a Redis that starts again with nothing', async (t) => {
  const first = await startRedis(t)
  const options = { retryStrategy: () => 50 }
  const nodes = nodesOf(t, deny)
  const one = await nodes.start(first.client(options))
  const other = await nodes.start(first.client(options))
  const [ofOne, ofOther] = [await login(one), await login(other)]
  await ofOne.copy().logout()
  await ofOther.copy().logout()
  await eventually(async () => (await statusAt(other, ofOne)) + (await statusAt(one, ofOther)) === 802)
  await first.stop()
  const second = await startRedis(t, ['--port', String(first.port)])
  for (const node of [one, other]) await eventually(() => logged(node, 'revocation_feed_gap') === 1)
  const alive = await login(one)
  for (const node of [one, other]) {
    await eventually(async () => (await statusAt(node, alive)) === 200)
    t.equal(await isStale(node, alive), true)
  }
  await eventually(async () => (await second.client().xlen(nodes.feed)) === 2)
  const late = await nodes.start(second.client())
  for (const client of [ofOne, ofOther]) {
    for (const node of [one, other, late]) t.equal(await statusAt(node, client), 401)
  }
  t.equal(await isStale(late, alive), false)
})

t.test('an entry that cannot be read', async (t) => {
  const server = await startRedis(t)
  for (const garbage of [
    ['before', '0-0', 'revocation', '{'],
    ['before', '0-0', 'revocation', 'null'],
    ['before', '0-0', 'revocation', '{}'],
    ['a', 'b']
  ]) {
    await t.test(garbage.join(' '), async (t) => {
      const { one, other, proxy, redis, feed, clock } = await startPair(t, server, deny)
      const [revoked, alive] = [await login(one), await login(one)]
      const before = proxy.accepted()
      const id = await redis.xadd(feed, '*', ...garbage)
      await eventually(() => logged(other, 'revocation_feed_interrupted') === 1)
      await revoked.copy().logout()
      clock.advance(1001)
      t.equal(await statusAt(other, revoked), 401, 'it is never ignored')
      t.equal(await statusAt(other, alive), 200)
      await sleep(250)
      // After 50 ms, 100 ms, 200 ms…, give or take half of it.
      t.ok(proxy.accepted() - before < 8, `${proxy.accepted() - before} connections`)
      t.equal(logged(other, 'revocation_feed_interrupted'), 1)
      await redis.xtrim(feed, 'MAXLEN', '1')
      t.not((await redis.xrange(feed, '-', '+'))[0]?.[0], id)
      await eventually(() => logged(other, 'revocation_feed_recovered') === 1)
      t.equal(logged(other, 'revocation_feed_gap'), 1, 'nobody knows what it told')
    })
  }
})

t.test('what cannot be read hides nothing that comes after it', async (t) => {
  const server = await startRedis(t)
  for (const spoil of ['garbage', 'a hole'] as const) {
    await t.test(spoil, async (t) => {
      const { start, one, other, redis, feed } = await startPair(t, server, allow)
      const clients = await Promise.all(['ada', 'bob', 'eve'].map((sub) => login(one, sub)))
      const [first, second, third] = clients as [Client, Client, Client]
      await first.copy().logout()
      if (spoil === 'garbage') {
        await redis.xadd(feed, '*', 'a', 'b')
      } else {
        await second.copy().logout()
        await redis.xdel(feed, (await redis.xrevrange(feed, '+', '-', 'COUNT', 1))[0]?.[0] as string)
      }
      await third.copy().logout()
      await eventually(async () => (await statusAt(other, third)) === 401)
      t.equal(await statusAt(other, first), 401)
      await eventually(() => logged(other, 'revocation_feed_gap') > 0)
      t.equal(await statusAt(await start(redis), third), 401, 'nor from a process that starts')
    })
  }
})

t.test('closing', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  const connections = async () =>
    String(await direct.client('LIST'))
      .trim()
      .split('\n').length

  await t.test('ends the read that waits, and leaves nothing open: once or twice', async (t) => {
    const redis = server.client()
    await redis.ping()
    const before = await connections()
    const nodes = nodesOf(t, { revocation: { staleAfter: '60s' } })
    const node = await nodes.start(redis)
    t.equal(await connections(), before + 1)
    const timers = resources('Timeout')
    await node.app.close()
    await node.app.close()
    await eventually(async () => (await connections()) === before)
    await eventually(() => resources('Timeout') <= timers)
    t.equal(redis.status, 'ready', "a user's client is never closed")
  })

  await t.test('while Redis hangs', async (t) => {
    const own = await startRedis(t)
    const nodes = nodesOf(t, { revocation: { staleAfter: '60s' } })
    const node = await nodes.start(own.client())
    const sockets = resources('TCPSocketWrap')
    process.kill(own.pid, 'SIGSTOP')
    t.teardown(() => process.kill(own.pid, 'SIGCONT'))
    await node.app.close()
    await eventually(() => resources('TCPSocketWrap') === sockets - 1)
  })

  await t.test('while Redis is down', async (t) => {
    const own = await startRedis(t)
    const redis = own.client()
    const nodes = nodesOf(t, { revocation: { staleAfter: '60s' } })
    const node = await nodes.start(redis)
    await own.stop()
    await eventually(() => logged(node, 'revocation_feed_interrupted') === 1)
    await node.app.close()
    redis.disconnect()
    // It does not go on connecting.
    const listening = await startRedis(t, ['--port', String(own.port)])
    await sleep(200)
    t.equal(
      String(await listening.client().client('LIST'))
        .trim()
        .split('\n').length,
      1
    )
  })
})

function resources(type: string): number {
  return process.getActiveResourcesInfo().filter((each) => each === type).length
}

import { mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { type FastifyRefreshTokenOptions, fastifyRefreshToken, type LogoutEvent } from '../../../lib/index.js'
import { SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { createNodes, type Node, startProxy, withFeedClient } from '../../support/proxy.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { countOpenSockets } from '../../support/sockets.js'

/** Longer than a busy machine delays a read of the feed. */
const STALE_AFTER_MS = 5000
const deny = { revocation: { staleAfter: `${STALE_AFTER_MS}ms`, onStale: 'deny' } } as const
const allow = { revocation: { staleAfter: `${STALE_AFTER_MS}ms`, onStale: 'allow' } } as const

async function login({ app }: Node, sub = 'ada'): Promise<Client> {
  const client = new Client(app)
  await client.login({ sub })
  return client
}

/** The same client at another process. */
function clientAt({ app }: Node, client: Client): Client {
  return new Client(app, client.options, client.jar)
}

async function statusAt(node: Node, client: Client): Promise<number> {
  return (await clientAt(node, client).call()).statusCode
}

/** Returns how often an event was logged. */
function countLogs({ logs }: Node, event: string): number {
  return logs.filter((line) => line.event === event).length
}

/** Returns whether each interruption is over. */
function hasRecovered(node: Node): boolean {
  return countLogs(node, 'revocation_feed_interrupted') === countLogs(node, 'revocation_feed_recovered')
}

/** Returns whether a request queries the store. With `deny` this means that the feed is stale. */
async function isStale(node: Node, client: Client): Promise<boolean> {
  node.calls.length = 0
  await clientAt(node, client).call()
  return node.calls.includes('has')
}

/** Starts two processes. The reader of the second one connects through a proxy. */
async function startPair(t: Test, server: RedisServer, options: Partial<FastifyRefreshTokenOptions>) {
  const redis = server.client()
  const proxy = await startProxy(t, server.port)
  const nodes = createNodes(t, options)
  const one = await nodes.start(redis)
  // Never connects itself. The reader duplicates it.
  const viaProxy = new Redis({ host: '127.0.0.1', port: proxy.port, lazyConnect: true })
  t.after(() => viaProxy.disconnect())
  const other = await nodes.start(withFeedClient(server.client(), viaProxy))
  return { ...nodes, redis, proxy, one, other }
}

t.test('a revocation that cannot be published', async (t) => {
  const server = await startRedis(t)

  await t.test('returns a 503, revokes the session anyway, and is published later', async (t) => {
    const events: LogoutEvent[] = []
    const redis = server.client()
    const nodes = createNodes(t, { onLogout: (event) => void events.push(event) })
    const one = await nodes.start(redis)
    const other = await nodes.start(server.client())
    const client = await login(one)
    await redis.set(nodes.feed, 'not a stream')
    const response = await client.copy().logout()
    t.equal(response.statusCode, 503)
    t.equal(response.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
    t.equal(response.headers['retry-after'], '1')
    t.equal(response.headers['set-cookie'], undefined)
    t.same(await one.app.sessions.list('ada'), [], 'the refresh tokens are invalid')
    t.equal(await statusAt(one, client), 401)
    t.equal(await statusAt(other, client), 200, 'the other process has not received the revocation')
    t.match(events, [{ reason: 'logout' }])
    t.equal((await client.copy().logout()).statusCode, 503, 'a second logout fails too')
    await redis.del(nodes.feed)
    await eventually(async () => (await statusAt(other, client)) === 401)
    t.equal((await client.copy().logout()).statusCode, 200)
    t.equal(events.length, 1)
  })

  await t.test('is published by the process that receives the logout again', async (t) => {
    const redis = server.client()
    const nodes = createNodes(t)
    const one = await nodes.start(redis)
    const second = await nodes.start(server.client())
    const third = await nodes.start(server.client())
    const client = await login(one)
    await redis.set(nodes.feed, 'not a stream')
    t.equal((await client.copy().logout()).statusCode, 503)
    // The first process stops before it could publish.
    await one.app.close()
    await redis.del(nodes.feed)
    t.equal((await clientAt(second, client.copy()).logout()).statusCode, 200)
    await eventually(async () => (await statusAt(third, client)) === 401)
  })

  await t.test('does not fail a login that evicts or replaces a session', async (t) => {
    const redis = server.client()
    const nodes = createNodes(t, { session: { maxPerUser: 1 } })
    const one = await nodes.start(redis)
    const other = await nodes.start(server.client())
    const evicted = await login(one)
    await redis.set(nodes.feed, 'not a stream')
    const replaced = await login(one)
    const last = replaced.copy()
    t.equal((await last.login()).statusCode, 200)
    t.equal(countLogs(one, 'revocation_publish_delayed'), 1)
    t.equal(countLogs(one, 'revocation_delayed'), 1)
    const warnings = one.logs.filter(({ level }) => level === 40).map(({ event }) => event)
    t.same(
      // The reader may notice the wrong key, too.
      warnings.filter((event) => event !== 'revocation_feed_interrupted'),
      ['store_unavailable'],
      'there is one warning for all failures'
    )
    await redis.del(nodes.feed)
    for (const client of [evicted, replaced]) {
      await eventually(async () => (await statusAt(other, client)) === 401)
    }
    t.equal(await statusAt(other, last), 200)
  })
})

t.test('a logout in a full Redis succeeds and is published', async (t) => {
  const server = await startRedis(t, ['--maxmemory-policy', 'noeviction'])
  const redis = server.client()
  const nodes = createNodes(t)
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

t.test('a process that starts while Redis is down starts with a stale feed, and catches up', async (t) => {
  const first = await startRedis(t)
  const options = { maxRetriesPerRequest: 0, retryStrategy: () => 50 }
  const redis = first.client(options)
  const nodes = createNodes(t, { ...deny, storeTimeout: '200ms' })
  const other = await nodes.start(redis)
  const [revoked, alive] = [await login(other), await login(other)]
  await first.stop()
  const app = Fastify()
  await app.register(fastifyRefreshToken, { secret: SECRET, login: () => null, redis })
  // An application that is closed before it is ready closes while the other one starts.
  const closed = app.close()
  const node = await nodes.start(first.client(options))
  await closed
  t.equal(countLogs(node, 'revocation_feed_stale'), 1)
  t.equal((await clientAt(node, alive).call()).json().code, 'FRT_ERR_STORE_UNAVAILABLE')
  const second = await startRedis(t, ['--port', String(first.port)])
  await eventually(async () => (await second.client(options).ping()) === 'PONG')
  // The first server took the sessions with it. The feed is fresh as soon as the store is not queried.
  await eventually(async () => !(await isStale(node, alive)))
  await eventually(async () => (await clientAt(other, revoked.copy()).logout()).statusCode === 200)
  await eventually(async () => (await statusAt(node, revoked)) === 401)
  t.equal(await statusAt(node, alive), 200)
})

t.test('a reader misses nothing when its connection breaks repeatedly', async (t) => {
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
  t.equal(countLogs(other, 'revocation_feed_gap'), 0)
  t.ok(countLogs(other, 'revocation_feed_interrupted') > 0)
  await eventually(() => hasRecovered(other))
})

t.test('a reader misses nothing when the server closes its connection', async (t) => {
  const server = await startRedis(t)
  const redis = server.client()
  const nodes = createNodes(t, deny)
  const one = await nodes.start(redis)
  const other = await nodes.start(server.client({ connectionName: 'other' }))
  for (let i = 0; i < 5; i++) {
    const client = await login(one)
    await eventually(async () => (await killReader(redis)) === 1)
    await client.copy().logout()
    await eventually(async () => (await statusAt(other, client)) === 401)
  }
  t.equal(countLogs(other, 'revocation_feed_gap'), 0)
})

/** Closes only the connection of the reader. */
async function killReader(redis: Redis): Promise<number> {
  const list = String(await redis.client('LIST')).split('\n')
  const ids = list
    .filter((line) => / name=other .* cmd=xread /.test(line))
    .map((line) => /id=(\d+)/.exec(line)?.[1])
  for (const id of ids) await redis.client('KILL', 'ID', id as string)
  return ids.length
}

t.test('guarded routes while Redis hangs', async (t) => {
  for (const [name, options, status] of [
    ['use the known revocations with onStale allow', allow, 200],
    ['return 503 with onStale deny', deny, 503]
  ] as const) {
    await t.test(name, async (t) => {
      const server = await startRedis(t)
      const redis = server.client()
      const nodes = createNodes(t, { ...options, storeTimeout: '1s' })
      const node = await nodes.start(redis)
      const [alive, revoked] = [await login(node), await login(node)]
      await revoked.copy().logout()
      process.kill(server.pid, 'SIGSTOP')
      t.teardown(() => process.kill(server.pid, 'SIGCONT'))
      nodes.clock.advance(STALE_AFTER_MS + 1)
      t.equal(await statusAt(node, alive), status)
      t.equal(await statusAt(node, revoked), 401, 'a known revocation is still enforced')
      process.kill(server.pid, 'SIGCONT')
      await eventually(async () => (await statusAt(node, alive)) === 200)
    })
  }
})

t.test('a reader without a connection', async (t) => {
  const server = await startRedis(t)

  await t.test('makes guarded routes query the store with onStale deny, by either clock', async (t) => {
    const { one, other, proxy, clock } = await startPair(t, server, deny)
    for (const jump of ['wall', 'monotonic'] as const) {
      const [alive, revoked] = [await login(one), await login(one)]
      await eventually(async () => !(await isStale(other, alive)))
      proxy.freeze()
      await revoked.copy().logout()
      t.equal(await statusAt(other, revoked), 200, 'the revocation has not arrived')
      // Like a paused process or a sleeping machine: the reader has no time to notice the failure.
      let restore = () => {}
      if (jump === 'wall') {
        clock.advance(STALE_AFTER_MS + 1)
      } else {
        const now = performance.now.bind(performance)
        const mocked = mock.method(performance, 'now', () => now() + STALE_AFTER_MS + 1)
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

  await t.test('is stale after `staleAfter` and connects again', async (t) => {
    const { one, other, proxy } = await startPair(t, server, deny)
    const [alive, revoked] = [await login(one), await login(one)]
    proxy.freeze()
    await revoked.copy().logout()
    await eventually(async () => (await statusAt(other, revoked)) === 401)
    t.equal(await isStale(other, alive), true)
    t.equal(countLogs(other, 'revocation_feed_interrupted'), 1)
    // The closed connections hang in the proxy. New ones get through.
    proxy.thaw()
    await eventually(async () => !(await isStale(other, alive)))
    t.equal(countLogs(other, 'revocation_feed_recovered'), 1)
    t.equal(countLogs(other, 'revocation_feed_gap'), 0)
  })

  await t.test('does not affect guarded routes with onStale allow', async (t) => {
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

t.test('a stream that loses entries while the reader is disconnected', async (t) => {
  const server = await startRedis(t)

  for (const [name, lose] of [
    ['trimmed to one entry', (redis: Redis, key: string) => redis.xtrim(key, 'MAXLEN', '1')],
    ['trimmed to no entries', (redis: Redis, key: string) => redis.xtrim(key, 'MAXLEN', '0')],
    ['deleted', (redis: Redis, key: string) => redis.del(key)]
  ] as const) {
    await t.test(`${name}: reports a gap, and onStale deny queries the store`, async (t) => {
      const { one, other, proxy, redis, feed } = await startPair(t, server, deny)
      const clients = await Promise.all(Array.from({ length: 4 }, () => login(one)))
      const [received, missed, last, alive] = clients as [Client, Client, Client, Client]
      await received.copy().logout()
      await eventually(async () => (await statusAt(other, received)) === 401)
      proxy.refuse()
      proxy.cut()
      for (const client of [missed, last]) await client.copy().logout()
      await lose(redis, feed)
      proxy.accept()
      await eventually(() => countLogs(other, 'revocation_feed_recovered') > 0)
      t.equal(countLogs(other, 'revocation_feed_gap'), 1)
      t.equal(await isStale(other, alive), true)
      t.equal(await statusAt(other, missed), 401)
      t.equal(await statusAt(other, alive), 200)
    })
  }

  await t.test('reports no gap if no unread entry was lost', async (t) => {
    const { one, other, proxy, redis, feed } = await startPair(t, server, deny)
    const clients = await Promise.all(Array.from({ length: 4 }, () => login(one)))
    const reconnect = async () => {
      proxy.cut()
      const recovered = countLogs(other, 'revocation_feed_recovered')
      await eventually(() => countLogs(other, 'revocation_feed_recovered') > recovered)
    }
    await reconnect()
    for (const client of clients) {
      proxy.refuse()
      proxy.cut()
      await client.copy().logout()
      // Entries that were read may be trimmed. The first remaining entry is the successor of the last one read.
      if (client === clients[2]) await redis.xtrim(feed, 'MAXLEN', '1')
      proxy.accept()
      await eventually(async () => (await statusAt(other, client)) === 401)
      await eventually(() => hasRecovered(other))
    }
    t.equal(countLogs(other, 'revocation_feed_gap'), 0)
    t.equal(await isStale(other, await login(one)), false)
  })
})

t.test('a stream that is lost while the reader is connected', async (t) => {
  const server = await startRedis(t)

  await t.test(
    'deleted: reports a gap without new entries, and publishes the revocations again',
    async (t) => {
      const { one, other, redis, feed, start } = await startPair(t, server, deny)
      const clients = await Promise.all([login(one), login(other), login(one)])
      const [revokedByOne, revokedByOther, alive] = clients as [Client, Client, Client]
      await clientAt(one, revokedByOne.copy()).logout()
      await clientAt(other, revokedByOther.copy()).logout()
      await eventually(
        async () => (await statusAt(other, revokedByOne)) + (await statusAt(one, revokedByOther)) === 802
      )
      await redis.del(feed)
      for (const node of [one, other]) {
        await eventually(() => countLogs(node, 'revocation_feed_gap') === 1)
        t.equal(await isStale(node, alive), true)
      }
      await eventually(async () => (await redis.xlen(feed)) === 2)
      const late = await start(server.client())
      for (const client of [revokedByOne, revokedByOther]) t.equal(await statusAt(late, client), 401)
    }
  )

  await t.test('replaced by a stream with lower ids: reports a gap', async (t) => {
    const { one, other, redis, feed } = await startPair(t, server, allow)
    const [first, second] = [await login(one), await login(one)]
    await first.copy().logout()
    await eventually(async () => (await statusAt(other, first)) === 401)
    const revocation = { sids: [(await second.call()).json().sid], reason: 'logout', expiresAtMs: 0 }
    // In one transaction, like a failover.
    await redis
      .multi()
      .del(feed)
      .xadd(feed, '1-1', 'before', '0-0', 'revocation', JSON.stringify(revocation))
      .exec()
    await eventually(async () => (await statusAt(other, second)) === 401)
    t.equal(countLogs(other, 'revocation_feed_gap'), 1)
  })

  await t.test('replaced by a stream with higher ids: reports a gap', async (t) => {
    const { one, other, redis, feed } = await startPair(t, server, deny)
    const [first, second, alive] = [await login(one), await login(one), await login(one)]
    await first.copy().logout()
    await eventually(async () => (await statusAt(other, first)) === 401)
    await redis.del(feed)
    await second.copy().logout()
    await eventually(async () => (await statusAt(other, second)) === 401)
    await eventually(() => countLogs(other, 'revocation_feed_gap') === 1)
    t.equal(await isStale(other, alive), true)
  })
})

t.test('a Redis that restarts empty gets the revocations again', async (t) => {
  const first = await startRedis(t)
  const options = { retryStrategy: () => 50 }
  const nodes = createNodes(t, deny)
  const one = await nodes.start(first.client(options))
  const other = await nodes.start(first.client(options))
  const [revokedByOne, revokedByOther] = [await login(one), await login(other)]
  await revokedByOne.copy().logout()
  await revokedByOther.copy().logout()
  await eventually(
    async () => (await statusAt(other, revokedByOne)) + (await statusAt(one, revokedByOther)) === 802
  )
  await first.stop()
  const second = await startRedis(t, ['--port', String(first.port)])
  for (const node of [one, other]) await eventually(() => countLogs(node, 'revocation_feed_gap') === 1)
  const alive = await login(one)
  for (const node of [one, other]) {
    await eventually(async () => (await statusAt(node, alive)) === 200)
    t.equal(await isStale(node, alive), true)
  }
  await eventually(async () => (await second.client().xlen(nodes.feed)) === 2)
  const late = await nodes.start(second.client())
  for (const client of [revokedByOne, revokedByOther]) {
    for (const node of [one, other, late]) t.equal(await statusAt(node, client), 401)
  }
  t.equal(await isStale(late, alive), false)
})

t.test('an entry that cannot be parsed interrupts the feed until it is trimmed', async (t) => {
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
      const acceptedBefore = proxy.accepted()
      const id = await redis.xadd(feed, '*', ...garbage)
      await eventually(() => countLogs(other, 'revocation_feed_interrupted') === 1)
      await revoked.copy().logout()
      clock.advance(STALE_AFTER_MS + 1)
      t.equal(await statusAt(other, revoked), 401, 'the reader does not skip it')
      t.equal(await statusAt(other, alive), 200)
      await sleep(250)
      // The pauses are 50 ms, 100 ms, 200 ms and so on, plus or minus half.
      t.ok(proxy.accepted() - acceptedBefore < 8, `${proxy.accepted() - acceptedBefore} connections`)
      t.equal(countLogs(other, 'revocation_feed_interrupted'), 1)
      await redis.xtrim(feed, 'MAXLEN', '1')
      t.not((await redis.xrange(feed, '-', '+'))[0]?.[0], id)
      await eventually(() => countLogs(other, 'revocation_feed_recovered') === 1)
      t.equal(countLogs(other, 'revocation_feed_gap'), 1, 'its revocation is unknown')
    })
  }
})

t.test('later entries are received despite a damaged entry', async (t) => {
  const server = await startRedis(t)
  for (const damage of ['garbage', 'a deleted entry'] as const) {
    await t.test(damage, async (t) => {
      const { start, one, other, redis, feed } = await startPair(t, server, allow)
      const clients = await Promise.all(['ada', 'bob', 'eve'].map((sub) => login(one, sub)))
      const [first, second, third] = clients as [Client, Client, Client]
      await first.copy().logout()
      if (damage === 'garbage') {
        await redis.xadd(feed, '*', 'a', 'b')
      } else {
        await second.copy().logout()
        await redis.xdel(feed, (await redis.xrevrange(feed, '+', '-', 'COUNT', 1))[0]?.[0] as string)
      }
      await third.copy().logout()
      await eventually(async () => (await statusAt(other, third)) === 401)
      t.equal(await statusAt(other, first), 401)
      await eventually(() => countLogs(other, 'revocation_feed_gap') > 0)
      t.equal(await statusAt(await start(redis), third), 401, 'a new process receives them too')
    })
  }
})

t.test('close', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  const connections = async () =>
    String(await direct.client('LIST'))
      .trim()
      .split('\n').length

  await t.test('stops the blocking read and closes the connection, also when called twice', async (t) => {
    const redis = server.client()
    await redis.ping()
    const before = await connections()
    const nodes = createNodes(t, { revocation: { staleAfter: '60s' } })
    const node = await nodes.start(redis)
    t.equal(await connections(), before + 1)
    await node.app.close()
    await node.app.close()
    await eventually(async () => (await connections()) === before)
    t.equal(redis.status, 'ready', "the application's client stays open")
  })

  await t.test('closes the socket while Redis hangs', async (t) => {
    const ownServer = await startRedis(t)
    const nodes = createNodes(t, { revocation: { staleAfter: '60s' } })
    const node = await nodes.start(ownServer.client())
    const sockets = countOpenSockets()
    process.kill(ownServer.pid, 'SIGSTOP')
    t.teardown(() => process.kill(ownServer.pid, 'SIGCONT'))
    await node.app.close()
    await eventually(() => countOpenSockets() === sockets - 1)
  })

  await t.test('stops reconnecting while Redis is down', async (t) => {
    const ownServer = await startRedis(t)
    const redis = ownServer.client()
    const nodes = createNodes(t, { revocation: { staleAfter: '60s' } })
    const node = await nodes.start(redis)
    await ownServer.stop()
    await eventually(() => countLogs(node, 'revocation_feed_interrupted') === 1)
    await node.app.close()
    redis.disconnect()
    const listening = await startRedis(t, ['--port', String(ownServer.port)])
    await sleep(200)
    t.equal(
      String(await listening.client().client('LIST'))
        .trim()
        .split('\n').length,
      1
    )
  })
})

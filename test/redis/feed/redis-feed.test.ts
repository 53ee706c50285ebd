import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { FeedEvent, FeedSettings, RedisClient, Revocation } from '../../../lib/index.js'
import { RedisStore } from '../../../lib/index.js'
import { eventually } from '../../support/eventually.js'
import { startProxy, withFeedClient } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'
import { countOpenSockets } from '../../support/sockets.js'

const accessTokenTtlMs = 300_000
/** How long an entry is kept: the lifetime of an access token plus two minutes. */
const retentionMs = 420_000

function revocation(sid: string): Revocation {
  return { sids: [sid], reason: 'logout', expiresAtMs: 0 }
}

function openFeed(
  t: Test,
  redis: RedisClient,
  settings: Partial<FeedSettings> = {},
  keyPrefix = `test:${randomUUID()}:`
) {
  const received: string[] = []
  const events: string[] = []
  const feed = new RedisStore({ redis, keyPrefix }).openFeed({
    onRevocation: ({ sids }) => received.push(...sids),
    onRepublished() {},
    onMasterChanged() {},
    staleAfterMs: 1000,
    storeTimeoutMs: 2000,
    accessTokenTtlMs,
    onEvent({ state }) {
      if (state !== 'read' && state !== events.at(-1)) events.push(state)
    },
    ...settings
  })
  t.teardown(() => feed.close())
  return { feed, received, events, keyPrefix, key: `${keyPrefix}{feed}:revoked` }
}

/** Returns a client of which only `duplicate` is called. */
function clientWith(duplicate: RedisClient['duplicate'], isCluster = false): RedisClient {
  const run = async () => null
  return { isCluster, evalsha: run, eval: run, evalshaBuffer: run, evalBuffer: run, duplicate }
}

/** Returns a client for the reader to duplicate, so that its connections use the proxy. */
function clientVia(t: Test, { port }: { port: number }): RedisClient {
  const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true })
  t.teardown(() => redis.disconnect())
  return redis
}

/** Adds an entry like the script does, but with a given id. */
async function addEntry(
  redis: Redis,
  key: string,
  id: string,
  previousId: string,
  sid: string
): Promise<void> {
  await redis.xadd(key, id, 'before', previousId, 'revocation', JSON.stringify(revocation(sid)))
}

async function idsIn(redis: Redis, key: string): Promise<string[]> {
  return (await redis.xrange(key, '-', '+')).map(([id]) => id)
}

t.test('add', async (t) => {
  const redis = (await startRedis(t)).client()

  await t.test('stores the revocation and the id of the previous entry', async (t) => {
    const { feed, key } = openFeed(t, redis)
    for (const sid of ['a', 'b', 'c']) await feed.add(revocation(sid))
    const entries = await redis.xrange(key, '-', '+')
    t.same(
      entries.map(([, fields]) => fields),
      ['a', 'b', 'c'].map((sid, i) => [
        'before',
        entries[i - 1]?.[0] ?? '0-0',
        'revocation',
        JSON.stringify(revocation(sid))
      ])
    )
    t.equal(await redis.ttl(key), -1, 'the stream has no TTL, so that eviction by TTL cannot remove it')
  })

  await t.test('removes entries that are older than the retention', async (t) => {
    const { feed, key } = openFeed(t, redis)
    const nowMs = Date.now()
    const ids = [nowMs - retentionMs - 1000, nowMs - retentionMs + 1000, nowMs - 1000, nowMs - 500].map(
      (ms) => `${ms}-0`
    )
    for (const [i, id] of ids.entries()) await addEntry(redis, key, id, ids[i - 1] ?? '0-0', 'a')
    await feed.add(revocation('b'))
    const remaining = await idsIn(redis, key)
    t.same(remaining.slice(0, 3), ids.slice(1))
    t.equal(remaining.length, 4)
  })

  await t.test('uses the time of the stream, even if the clock is set back', async (t) => {
    const { feed, key } = openFeed(t, redis)
    // A master whose clock is one hour ahead wrote these entries.
    const aheadMs = Date.now() + 3_600_000
    const ids = [`${aheadMs - 10_000}-0`, `${aheadMs}-7`]
    await addEntry(redis, key, ids[0] as string, '0-0', 'a')
    await addEntry(redis, key, ids[1] as string, ids[0] as string, 'b')
    await feed.add(revocation('c'))
    t.same(await idsIn(redis, key), [...ids, `${aheadMs}-8`])
  })

  await t.test('accepts a stream whose clock started at zero', async (t) => {
    const { feed, key, received } = openFeed(t, redis)
    await addEntry(redis, key, '1-1', '0-0', 'a')
    await feed.add(revocation('b'))
    await feed.follow()
    t.same(received, ['a', 'b'])
  })
})

t.test('follow', async (t) => {
  const server = await startRedis(t)
  const redis = server.client()

  await t.test('resolves after it has delivered all kept entries in order, page by page', async (t) => {
    const writing = openFeed(t, redis, { storeTimeoutMs: 60_000, staleAfterMs: 60_000 })
    const sids = Array.from({ length: 2500 }, (_, i) => `sid ${i}`)
    await Promise.all(sids.map((sid) => writing.feed.add(revocation(sid))))
    const { feed, received } = openFeed(t, redis, { staleAfterMs: 60_000 }, writing.keyPrefix)
    t.equal(feed.isStale(), true)
    await feed.follow()
    t.equal(feed.isStale(), false)
    t.same(received, sids)
    await writing.feed.add(revocation('next'))
    await eventually(() => received.includes('next'))
    t.equal(received.length, 2501, 'each entry is delivered once')
  })

  await t.test('delivers a stream of exactly one page', async (t) => {
    const writing = openFeed(t, redis, { storeTimeoutMs: 60_000, staleAfterMs: 60_000 })
    const sids = Array.from({ length: 1000 }, (_, i) => `sid ${i}`)
    await Promise.all(sids.map((sid) => writing.feed.add(revocation(sid))))
    const { feed, received } = openFeed(t, redis, {}, writing.keyPrefix)
    await feed.follow()
    t.same(received, sids)
  })

  await t.test(
    'reports the number of entries of each read, and the lag of the oldest new entry',
    async (t) => {
      const reads: FeedEvent[] = []
      const onEvent = (event: FeedEvent) => void reads.push(event)
      const { feed, key } = openFeed(t, redis, { onEvent })
      const addAged = (secondsAgo: number, previousId = '0-0') => {
        const id = `${Date.now() - 1000 * secondsAgo}-0`
        return addEntry(redis, key, id, previousId, 'a').then(() => id)
      }
      const first = await addAged(3600)
      await feed.follow()
      t.strictSame(reads, [{ state: 'read', entries: 1 }], 'the first read has no lag')
      const late = await addAged(60, first)
      await eventually(() => reads.length > 1)
      t.match(reads[1], { state: 'read', entries: 1 })
      const { lagMs = 0 } = reads[1] as { lagMs?: number }
      t.ok(lagMs >= 60_000 && lagMs < 70_000, `${lagMs} ms`)
      await eventually(() => reads.length > 2)
      t.strictSame(reads[2], { state: 'read', entries: 0, lagMs: undefined })
      // The clock of Redis is ahead of the clock of this process.
      await addAged(-60, late)
      await eventually(() => reads.some((event, i) => i > 2 && event.state === 'read' && event.lagMs === 0))
    }
  )

  await t.test('delivers the entries of its own process once', async (t) => {
    const { feed, received } = openFeed(t, redis)
    await feed.follow()
    await feed.add(revocation('a'))
    await eventually(() => received.length > 0)
    await feed.add(revocation('b'))
    await eventually(() => received.length > 1)
    t.same(received, ['a', 'b'])
  })

  await t.test('stays fresh without new entries on one connection', async (t) => {
    // The reader blocks for a quarter of staleAfterMs, which must be a whole number of milliseconds.
    const readers = await Promise.all(
      [1000, 1001, 1250].map(async (staleAfterMs) => {
        const proxy = await startProxy(t, server.port)
        return { staleAfterMs, proxy, ...openFeed(t, clientVia(t, proxy), { staleAfterMs }) }
      })
    )
    for (const { feed } of readers) await feed.follow()
    await sleep(500)
    for (const { staleAfterMs, proxy, feed, events } of readers) {
      t.equal(feed.isStale(), false, `${staleAfterMs} ms`)
      t.equal(proxy.accepted(), 1, `${staleAfterMs} ms`)
      t.same(events, [], `${staleAfterMs} ms`)
    }
  })
})

t.test('follow becomes stale and retries with increasing pauses after', async (t) => {
  /** The limit for about half a second. The pauses are 50 ms, 100 ms, 200 ms and so on, plus or minus half. */
  const maxConnections = 10

  await t.test('a client that cannot be duplicated', async (t) => {
    let attempts = 0
    const redis = clientWith(() => {
      attempts++
      throw new Error('no more connections')
    })
    const { feed, events } = openFeed(t, redis)
    void feed.follow()
    await sleep(500)
    t.equal(feed.isStale(), true)
    t.same(events, ['interrupted', 'stale'])
    t.ok(attempts > 1 && attempts < maxConnections, `${attempts} attempts`)
  })

  for (const [name, unreachable] of [
    [
      'Sentinel',
      () => new Redis({ sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'main', lazyConnect: true })
    ],
    ['Cluster', () => new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true })]
  ] as const) {
    await t.test(`a missing ${name}`, async (t) => {
      const sockets = countOpenSockets()
      const redis = unreachable()
      const { feed, events } = openFeed(t, redis)
      void feed.follow()
      await eventually(() => events.length > 0)
      t.equal(feed.isStale(), true)
      t.same(events, ['interrupted', 'stale'])
      feed.close()
      await eventually(() => countOpenSockets() <= sockets)
    })
  }

  await t.test('no failure if it is closed during a pause', async (t) => {
    let attempts = 0
    const redis = clientWith(() => {
      attempts++
      throw new Error('no more connections')
    })
    const { feed } = openFeed(t, redis)
    void feed.follow()
    feed.close()
    await sleep(150)
    t.equal(attempts, 1)
  })

  await t.test('a key that is not a stream', async (t) => {
    const server = await startRedis(t)
    const redis = server.client()
    const proxy = await startProxy(t, server.port)
    const { feed, events, key } = openFeed(t, clientVia(t, proxy))
    await redis.set(key, 'not a stream')
    const following = feed.follow()
    await sleep(500)
    t.equal(feed.isStale(), true)
    t.same(events, ['interrupted', 'stale'])
    t.ok(proxy.accepted() < maxConnections, `${proxy.accepted()} connections`)
    await redis.del(key)
    await following
    t.equal(feed.isStale(), false)
    t.same(events, ['interrupted', 'stale', 'recovered'])
  })

  await t.test('the deletion of an entry between two others', async (t) => {
    const server = await startRedis(t)
    const redis = server.client()
    const proxy = await startProxy(t, server.port)
    const { feed, key, received } = openFeed(t, withFeedClient(redis, clientVia(t, proxy)))
    await feed.follow()
    for (const sid of ['a', 'b', 'c']) await feed.add(revocation(sid))
    await eventually(() => received.length === 3)
    const [, middleId] = await idsIn(redis, key)
    await redis.xdel(key, middleId as string)
    const acceptedBefore = proxy.accepted()
    proxy.cut()
    // A new reader cannot read the deleted revocation.
    const late = openFeed(t, redis, {}, key.slice(0, -'{feed}:revoked'.length))
    void late.feed.follow()
    await eventually(() => feed.isStale())
    t.equal(late.feed.isStale(), true)
    t.ok(proxy.accepted() - acceptedBefore < maxConnections)
  })

  await t.test('the replacement of the stream by one that ends slightly earlier', async (t) => {
    const redis = (await startRedis(t)).client()
    const { feed, key, received, events } = openFeed(t, redis)
    await addEntry(redis, key, '1700000000000-7', '0-0', 'a')
    await feed.follow()
    await redis.del(key)
    await addEntry(redis, key, '1700000000000-6', '0-0', 'b')
    await eventually(() => received.includes('b'))
    t.ok(events.includes('gap'))
    t.equal(feed.isStale(), true)
  })

  await t.test('the demotion of the master', async (t) => {
    const redis = (await startRedis(t)).client()
    const { feed } = openFeed(t, redis)
    await feed.follow()
    // Its new master is unreachable, so it never receives new entries.
    await redis.replicaof('127.0.0.1', '1')
    await eventually(() => feed.isStale())
    t.equal(feed.isStale(), true)
    await redis.replicaof('NO', 'ONE')
    await eventually(() => !feed.isStale())
  })
})

t.test('the reader reads from masters of a Cluster, because a replica may lag', async (t) => {
  const redis = (await startRedis(t)).client()
  let receivedOptions: { scaleReads?: string } | undefined
  const cluster = clientWith((_nodes: unknown[], options: { scaleReads?: string }) => {
    receivedOptions = options
    return redis.duplicate()
  }, true)
  const { feed } = openFeed(t, cluster)
  await feed.follow()
  t.equal(receivedOptions?.scaleReads, 'master')
})

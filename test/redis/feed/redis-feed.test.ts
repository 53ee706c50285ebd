import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { FeedEvent, FeedSettings, RedisClient, Revocation } from '../../../lib/index.js'
import { RedisStore } from '../../../lib/index.js'
import { eventually } from '../../support/eventually.js'
import { readingOver, startProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

const accessTokenTtlMs = 300_000
/** How long an entry matters: the lifetime of an access token and two minutes. */
const retentionMs = 420_000

function revocation(sid: string): Revocation {
  return { sids: [sid], reason: 'logout', expiresAtMs: 0 }
}

function open(
  t: Test,
  redis: RedisClient,
  settings: Partial<FeedSettings> = {},
  keyPrefix = `test:${randomUUID()}:`
) {
  const heard: string[] = []
  const events: string[] = []
  const feed = new RedisStore({ redis, keyPrefix }).openFeed({
    onRevocation: ({ sids }) => heard.push(...sids),
    onRepublished() {},
    staleAfterMs: 1000,
    accessTokenTtlMs,
    onEvent({ state }) {
      if (state !== 'read' && state !== events.at(-1)) events.push(state)
    },
    ...settings
  })
  t.teardown(() => feed.close())
  return { feed, heard, events, keyPrefix, key: `${keyPrefix}{feed}:revoked` }
}

/** What a reader duplicates whose connections go over the proxy. */
function over(t: Test, { port }: { port: number }): RedisClient {
  const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true })
  t.teardown(() => redis.disconnect())
  return redis
}

/** Adds an entry as the script does, with an id of the test's choice. */
async function addByHand(redis: Redis, key: string, id: string, before: string, sid: string): Promise<void> {
  await redis.xadd(key, id, 'before', before, 'revocation', JSON.stringify(revocation(sid)))
}

async function idsIn(redis: Redis, key: string): Promise<string[]> {
  return (await redis.xrange(key, '-', '+')).map(([id]) => id)
}

t.test('an entry', async (t) => {
  const redis = (await startRedis(t)).client()

  await t.test('names the one before it, and is what was added', async (t) => {
    const { feed, key } = open(t, redis)
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
    t.equal(await redis.ttl(key), -1, 'a stream without a TTL is no prey of an eviction by TTL')
  })

  await t.test('goes when it no longer matters, with the next that is added', async (t) => {
    const { feed, key } = open(t, redis)
    const nowMs = Date.now()
    const ids = [nowMs - retentionMs - 1000, nowMs - retentionMs + 1000, nowMs - 1000, nowMs - 500].map(
      (ms) => `${ms}-0`
    )
    for (const [i, id] of ids.entries()) await addByHand(redis, key, id, ids[i - 1] ?? '0-0', 'a')
    await feed.add(revocation('b'))
    const left = await idsIn(redis, key)
    t.same(left.slice(0, 3), ids.slice(1))
    t.equal(left.length, 4)
  })

  await t.test('goes by the time of the stream, which no clock sets back', async (t) => {
    const { feed, key } = open(t, redis)
    // Written by a master whose clock is an hour ahead.
    const aheadMs = Date.now() + 3_600_000
    const ids = [`${aheadMs - 10_000}-0`, `${aheadMs}-7`]
    await addByHand(redis, key, ids[0] as string, '0-0', 'a')
    await addByHand(redis, key, ids[1] as string, ids[0] as string, 'b')
    await feed.add(revocation('c'))
    t.same(await idsIn(redis, key), [...ids, `${aheadMs}-8`])
  })

  await t.test('of the first milliseconds of a clock does no harm', async (t) => {
    const { feed, key, heard } = open(t, redis)
    await addByHand(redis, key, '1-1', '0-0', 'a')
    await feed.add(revocation('b'))
    await feed.follow()
    t.same(heard, ['a', 'b'])
  })
})

t.test('who follows', async (t) => {
  const server = await startRedis(t)
  const redis = server.client()

  await t.test('has heard all that is kept, by the page and in order, when that resolves', async (t) => {
    const writing = open(t, redis)
    const sids = Array.from({ length: 2500 }, (_, i) => `sid ${i}`)
    await Promise.all(sids.map((sid) => writing.feed.add(revocation(sid))))
    const { feed, heard } = open(t, redis, {}, writing.keyPrefix)
    t.equal(feed.isStale(), true)
    await feed.follow()
    t.equal(feed.isStale(), false)
    t.same(heard, sids)
    await writing.feed.add(revocation('the next'))
    await eventually(() => heard.includes('the next'))
    t.equal(heard.length, 2501, 'and each once')
  })

  await t.test('hears a stream of exactly one page', async (t) => {
    const writing = open(t, redis)
    const sids = Array.from({ length: 1000 }, (_, i) => `sid ${i}`)
    await Promise.all(sids.map((sid) => writing.feed.add(revocation(sid))))
    const { feed, heard } = open(t, redis, {}, writing.keyPrefix)
    await feed.follow()
    t.same(heard, sids)
  })

  await t.test(
    'tells how much it has read, and how long the oldest of what is new was on its way',
    async (t) => {
      const reads: FeedEvent[] = []
      const onEvent = (event: FeedEvent) => void reads.push(event)
      const { feed, key } = open(t, redis, { onEvent })
      const added = (secondsAgo: number, before = '0-0') => {
        const id = `${Date.now() - 1000 * secondsAgo}-0`
        return addByHand(redis, key, id, before, 'a').then(() => id)
      }
      const first = await added(3600)
      await feed.follow()
      t.strictSame(reads, [{ state: 'read', entries: 1 }], 'of what is old nobody knows')
      const late = await added(60, first)
      await eventually(() => reads.length > 1)
      t.match(reads[1], { state: 'read', entries: 1 })
      const { lagMs = 0 } = reads[1] as { lagMs?: number }
      t.ok(lagMs >= 60_000 && lagMs < 70_000, `${lagMs} ms`)
      await eventually(() => reads.length > 2)
      t.strictSame(reads[2], { state: 'read', entries: 0, lagMs: undefined })
      // By a clock that is ahead of ours.
      await added(-60, late)
      await eventually(() => reads.some((event, i) => i > 2 && event.state === 'read' && event.lagMs === 0))
    }
  )

  await t.test('hears what it adds itself, once', async (t) => {
    const { feed, heard } = open(t, redis)
    await feed.follow()
    await feed.add(revocation('a'))
    await eventually(() => heard.length > 0)
    await feed.add(revocation('b'))
    await eventually(() => heard.length > 1)
    t.same(heard, ['a', 'b'])
  })

  await t.test('stays fresh while nothing is added, over one connection', async (t) => {
    // A quarter of it is how long Redis is to wait: in whole milliseconds.
    const readers = await Promise.all(
      [1000, 1001, 1250].map(async (staleAfterMs) => {
        const proxy = await startProxy(t, server.port)
        return { staleAfterMs, proxy, ...open(t, over(t, proxy), { staleAfterMs }) }
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

t.test('what a reader cannot trust makes it stale, and is tried again without haste', async (t) => {
  /** Connections of some half a second: after 50 ms, 100 ms, 200 ms…, give or take half of it. */
  const few = 10

  await t.test('a client that cannot be duplicated', async (t) => {
    let tries = 0
    const redis = {
      duplicate() {
        tries++
        throw new Error('no more connections')
      }
    } as unknown as RedisClient
    const { feed, events } = open(t, redis)
    void feed.follow()
    await sleep(500)
    t.equal(feed.isStale(), true)
    t.same(events, ['interrupted', 'stale'])
    t.ok(tries > 1 && tries < few, `${tries} tries`)
  })

  for (const [name, unreachable] of [
    [
      'a Sentinel',
      () => new Redis({ sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'main', lazyConnect: true })
    ],
    ['a Cluster', () => new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true })]
  ] as const) {
    await t.test(`${name} that is not there`, async (t) => {
      const redis = unreachable()
      const { feed, events } = open(t, redis)
      void feed.follow()
      await eventually(() => events.length > 0)
      t.equal(feed.isStale(), true)
      t.same(events, ['interrupted', 'stale'])
      feed.close()
      await eventually(() => !process.getActiveResourcesInfo().includes('TCPSocketWrap'))
    })
  }

  await t.test('closed while it waits to try again', async (t) => {
    let tries = 0
    const redis = {
      duplicate() {
        tries++
        throw new Error('no more connections')
      }
    } as unknown as RedisClient
    const { feed } = open(t, redis)
    void feed.follow()
    feed.close()
    await sleep(150)
    t.equal(tries, 1)
  })

  await t.test('a key that is no stream', async (t) => {
    const server = await startRedis(t)
    const redis = server.client()
    const proxy = await startProxy(t, server.port)
    const { feed, events, key } = open(t, over(t, proxy))
    await redis.set(key, 'not a stream')
    const following = feed.follow()
    await sleep(500)
    t.equal(feed.isStale(), true)
    t.same(events, ['interrupted', 'stale'])
    t.ok(proxy.accepted() < few, `${proxy.accepted()} connections`)
    await redis.del(key)
    await following
    t.equal(feed.isStale(), false)
    t.same(events, ['interrupted', 'stale', 'recovered'])
  })

  await t.test('an entry that is gone from between two others', async (t) => {
    const server = await startRedis(t)
    const redis = server.client()
    const proxy = await startProxy(t, server.port)
    const { feed, key, heard } = open(t, readingOver(redis, over(t, proxy)))
    await feed.follow()
    for (const sid of ['a', 'b', 'c']) await feed.add(revocation(sid))
    await eventually(() => heard.length === 3)
    const [, between] = await idsIn(redis, key)
    await redis.xdel(key, between as string)
    const before = proxy.accepted()
    proxy.cut()
    // Who comes now cannot know what it told.
    const late = open(t, redis, {}, key.slice(0, -'{feed}:revoked'.length))
    void late.feed.follow()
    await eventually(() => feed.isStale())
    t.equal(late.feed.isStale(), true)
    t.ok(proxy.accepted() - before < few)
  })

  await t.test('another stream, whose end lies a little before the last that was read', async (t) => {
    const redis = (await startRedis(t)).client()
    const { feed, key, heard, events } = open(t, redis)
    await addByHand(redis, key, '1700000000000-7', '0-0', 'a')
    await feed.follow()
    await redis.del(key)
    await addByHand(redis, key, '1700000000000-6', '0-0', 'b')
    await eventually(() => heard.includes('b'))
    t.ok(events.includes('gap'))
    t.equal(feed.isStale(), true)
  })

  await t.test('a server that is no master any more', async (t) => {
    const redis = (await startRedis(t)).client()
    const { feed } = open(t, redis)
    await feed.follow()
    // Its master is not to be reached: what is added there it never gets.
    await redis.replicaof('127.0.0.1', '1')
    await eventually(() => feed.isStale(), 2500)
    t.equal(feed.isStale(), true)
    await redis.replicaof('NO', 'ONE')
    await eventually(() => !feed.isStale())
  })
})

t.test('of a Cluster the reader asks masters: a replica may lag behind', async (t) => {
  const redis = (await startRedis(t)).client()
  let given: { scaleReads?: string } | undefined
  const cluster = {
    isCluster: true,
    duplicate(_nodes: unknown[], options: { scaleReads?: string }) {
      given = options
      return redis.duplicate()
    }
  } as unknown as RedisClient
  const { feed } = open(t, cluster)
  await feed.follow()
  t.equal(given?.scaleReads, 'master')
})

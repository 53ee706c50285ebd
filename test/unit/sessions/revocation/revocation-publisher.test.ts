import t, { type Test } from 'tap'
import { RevocationPublisher } from '../../../../lib/sessions/revocation/revocation-publisher.js'
import { RevokedSessions } from '../../../../lib/sessions/revocation/revoked-sessions.js'
import { RetryQueue } from '../../../../lib/utils/retry-queue.js'
import type { Revocation, RevocationFeed } from '../../../../types/revocation-feed.js'
import type { SessionStore } from '../../../../types/session-store.js'
import { storeClient } from '../../../support/store-client.js'
import { deferred, mockClocks, settle } from '../../../support/timers.js'

const accessTokenTtlMs = 300_000
/** How long a revocation is relevant: the lifetime of an access token plus two minutes. */
const retentionMs = 420_000
const unavailable = { code: 'FRT_ERR_STORE_UNAVAILABLE' }

function sids(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `sid ${i}`)
}

/** Creates a publisher for a feed whose `add` the test defines. `published` records the calls of `add`. */
function createPublisher(t: Test, add: (revocation: Revocation) => Promise<void> = async () => {}) {
  const pass = mockClocks(t, Date.UTC(2030, 0, 1))
  const retryQueue = new RetryQueue({ pauseMs: 100 })
  t.teardown(() => retryQueue.close())
  const published: Revocation[] = []
  const feed: RevocationFeed = {
    async add(revocation) {
      published.push(revocation)
      await add(revocation)
    },
    follow: async () => {},
    isStale: () => false,
    close() {}
  }
  const revoked = new RevokedSessions('frt:', accessTokenTtlMs)
  const client = storeClient({} as SessionStore, 2000, retryQueue)
  return {
    published,
    revoked,
    retryQueue,
    publisher: new RevocationPublisher(feed, client, revoked, accessTokenTtlMs),
    withoutFeed: new RevocationPublisher(null, client, revoked, accessTokenTtlMs),
    pass
  }
}

t.test('publish does nothing without a feed', async (t) => {
  const { withoutFeed, published, revoked } = createPublisher(t)
  await withoutFeed.publish({ sids: ['a'], reason: 'logout', expiresAtMs: 1 })
  t.same(published, [])
  t.equal(revoked.isInFeed('a'), false)
})

t.test('publish resolves when the feed has added the revocation', async (t) => {
  const added = deferred<void>()
  const { publisher, published } = createPublisher(t, () => added.promise)
  let isPublished = false
  const publishing = publisher.publish({ sids: ['a', 'b'], reason: 'revoked', expiresAtMs: 7 }).then(() => {
    isPublished = true
  })
  await settle()
  t.strictSame(published, [{ sids: ['a', 'b'], reason: 'revoked', expiresAtMs: 7 }])
  t.equal(isPublished, false)
  added.resolve()
  await publishing
})

t.test('publish sends many sessions in batches, each session once', async (t) => {
  const { publisher, published } = createPublisher(t)
  await publisher.publish({ sids: sids(1201), reason: 'logout', expiresAtMs: 7 })
  t.same(
    published.map(({ sids: { length }, reason, expiresAtMs }) => ({ length, reason, expiresAtMs })),
    [500, 500, 201].map((length) => ({ length, reason: 'logout', expiresAtMs: 7 }))
  )
  t.strictSame(
    published.flatMap(({ sids }) => sids),
    sids(1201)
  )
})

t.test('publish does nothing for an empty list', async (t) => {
  const { publisher, published } = createPublisher(t)
  await publisher.publish({ sids: [], reason: 'logout', expiresAtMs: 0 })
  t.same(published, [])
})

t.test('publish skips sessions that are in the feed already', async (t) => {
  const { publisher, published, revoked } = createPublisher(t)
  await publisher.publish({ sids: ['a'], reason: 'logout', expiresAtMs: 7 })
  revoked.addFromFeed({ sids: ['b'], reason: 'reuse', expiresAtMs: 7 })
  revoked.add('c', 'logout', 7)
  await publisher.publish({ sids: ['a', 'b', 'c', 'd'], reason: 'logout', expiresAtMs: 7 })
  t.same(
    published.map(({ sids }) => sids),
    [['a'], ['c', 'd']]
  )
})

t.test('publish records the revocation and keeps an earlier reason', async (t) => {
  const { publisher, revoked } = createPublisher(t)
  revoked.add('a', 'reuse', 9)
  await publisher.publish({ sids: ['a', 'b'], reason: 'logout', expiresAtMs: 7 })
  t.match(revoked.get('a'), { reason: 'reuse', expiresAtMs: 9 })
  t.match(revoked.get('b'), { reason: 'logout', expiresAtMs: 7 })
})

t.test('a failed batch does not delay the others and is retried until it succeeds', async (t) => {
  let failures = 3
  const { publisher, published, revoked, pass } = createPublisher(t, async (revocation) => {
    if (revocation.sids[0] === 'sid 0' && failures-- > 0) throw new Error('WRONGTYPE')
    // A feed also reports a revocation to the process that added it.
    revoked.addFromFeed(revocation)
  })
  await t.rejects(publisher.publish({ sids: sids(501), reason: 'logout', expiresAtMs: 7 }), unavailable)
  t.equal(revoked.isInFeed('sid 500'), true)
  t.equal(revoked.isInFeed('sid 0'), false)
  for (const pauseMs of [100, 200]) await pass(pauseMs)
  t.equal(revoked.isInFeed('sid 0'), false)
  await pass(400)
  t.equal(revoked.isInFeed('sid 0'), true)
  await pass(retentionMs / 2)
  t.equal(published.filter(({ sids }) => sids[0] === 'sid 0').length, 4, 'it is not retried again')
  await publisher.publish({ sids: sids(501), reason: 'logout', expiresAtMs: 7 })
  t.equal(published.length, 5, 'another call publishes nothing new')
})

t.test('publish rejects after every batch has finished', async (t) => {
  const second = deferred<void>()
  const { publisher } = createPublisher(t, ({ sids }) =>
    sids[0] === 'sid 0' ? Promise.reject(new Error('LOADING')) : second.promise
  )
  let isSettled = false
  const publishing = t.rejects(
    publisher.publish({ sids: sids(501), reason: 'logout', expiresAtMs: 7 }),
    unavailable
  )
  void publishing.then(() => {
    isSettled = true
  })
  await settle()
  t.equal(isSettled, false)
  second.resolve()
  await publishing
})

t.test('publish rejects after the timeout if the feed does not respond', async (t) => {
  const { publisher, pass, published } = createPublisher(t, () => new Promise(() => {}))
  const failed = t.rejects(publisher.publish({ sids: ['a'], reason: 'logout', expiresAtMs: 7 }), unavailable)
  await settle()
  await pass(2000)
  await failed
  await pass(100)
  t.equal(published.length, 2, 'it is retried')
  await pass(60_000)
  t.equal(published.length, 2, 'it is not retried while the previous call may still be queued')
})

t.test('publish retries during the retention time only', async (t) => {
  const { publisher, pass, published } = createPublisher(t, () => Promise.reject(new Error('LOADING')))
  await t.rejects(publisher.publish({ sids: ['a'], reason: 'logout', expiresAtMs: 7 }), unavailable)
  let before = 0
  for (let passed = 0; passed <= retentionMs - 10_000; passed += 5000) {
    before = published.length
    await pass(5000)
  }
  t.equal(published.length, before + 1, 'it is retried almost until the end')
  await pass(15_000)
  const after = published.length
  await pass(3_600_000)
  t.equal(published.length, after)
})

t.test('close stops the retries', async (t) => {
  const { publisher, retryQueue, pass, published } = createPublisher(t, () =>
    Promise.reject(new Error('LOADING'))
  )
  await t.rejects(publisher.publish({ sids: ['a'], reason: 'logout', expiresAtMs: 7 }), unavailable)
  retryQueue.close()
  await pass(retentionMs)
  t.equal(published.length, 1)
})

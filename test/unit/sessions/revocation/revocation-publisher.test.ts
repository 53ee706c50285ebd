import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { RevocationPublisher } from '../../../../lib/sessions/revocation/revocation-publisher.js'
import { RevokedSessions } from '../../../../lib/sessions/revocation/revoked-sessions.js'
import { RetryQueue } from '../../../../lib/utils/retry-queue.js'
import type { Revocation, RevocationFeed } from '../../../../types/revocation-feed.js'
import type { SessionStore } from '../../../../types/session-store.js'
import { storeClient } from '../../../support/store-client.js'
import { deferred, mockTimers, pass, settle } from '../../../support/timers.js'

const accessTokenTtlMs = 300_000
/** How long it matters: the lifetime of an access token and two minutes. */
const retentionMs = 420_000
const unavailable = { code: 'FRT_ERR_STORE_UNAVAILABLE' }

function sids(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `sid ${i}`)
}

/** An announcer to a feed whose `add` is the test's; `told` records what reached it. */
function announcer(t: Test, add: (revocation: Revocation) => Promise<void> = async () => {}) {
  mockTimers(t)
  let elapsedMs = 0.25
  const monotonic = mock.method(performance, 'now', () => elapsedMs)
  const background = new RetryQueue({ pauseMs: 100 })
  t.teardown(() => {
    monotonic.mock.restore()
    background.close()
  })
  const told: Revocation[] = []
  const feed: RevocationFeed = {
    async add(revocation) {
      told.push(revocation)
      await add(revocation)
    },
    follow: async () => {},
    isStale: () => false,
    close() {}
  }
  const revoked = new RevokedSessions('frt:', accessTokenTtlMs)
  const client = storeClient({} as SessionStore, 2000, background)
  return {
    told,
    revoked,
    background,
    announcer: new RevocationPublisher(feed, client, revoked, accessTokenTtlMs),
    silent: new RevocationPublisher(null, client, revoked, accessTokenTtlMs),
    async pass(ms: number) {
      elapsedMs += ms
      await pass(ms)
    }
  }
}

t.test('without a feed there is nobody to tell', async (t) => {
  const { silent, told, revoked } = announcer(t)
  await silent.publish({ sids: ['a'], reason: 'logout', expiresAtMs: 1 })
  t.same(told, [])
  t.equal(revoked.isInFeed('a'), false)
})

t.test('it resolves when the feed has taken it', async (t) => {
  const taken = deferred<void>()
  const { announcer: made, told } = announcer(t, () => taken.promise)
  let isTold = false
  const telling = made.publish({ sids: ['a', 'b'], reason: 'revoked', expiresAtMs: 7 }).then(() => {
    isTold = true
  })
  await settle()
  t.strictSame(told, [{ sids: ['a', 'b'], reason: 'revoked', expiresAtMs: 7 }])
  t.equal(isTold, false)
  taken.resolve()
  await telling
})

t.test('many sessions are told of by the batch, each once', async (t) => {
  const { announcer: made, told } = announcer(t)
  await made.publish({ sids: sids(1201), reason: 'logout', expiresAtMs: 7 })
  t.same(
    told.map(({ sids: { length }, reason, expiresAtMs }) => ({ length, reason, expiresAtMs })),
    [500, 500, 201].map((length) => ({ length, reason: 'logout', expiresAtMs: 7 }))
  )
  t.strictSame(
    told.flatMap(({ sids }) => sids),
    sids(1201)
  )
})

t.test('of no session, nothing is told', async (t) => {
  const { announcer: made, told } = announcer(t)
  await made.publish({ sids: [], reason: 'logout', expiresAtMs: 0 })
  t.same(told, [])
})

t.test('it is silent of what the feed has told already, whoever told it', async (t) => {
  const { announcer: made, told, revoked } = announcer(t)
  await made.publish({ sids: ['a'], reason: 'logout', expiresAtMs: 7 })
  revoked.addFromFeed({ sids: ['b'], reason: 'reuse', expiresAtMs: 7 })
  revoked.add('c', 'logout', 7)
  await made.publish({ sids: ['a', 'b', 'c', 'd'], reason: 'logout', expiresAtMs: 7 })
  t.same(
    told.map(({ sids }) => sids),
    [['a'], ['c', 'd']]
  )
})

t.test('what this process tells it knows, and a reason that it knew stays', async (t) => {
  const { announcer: made, revoked } = announcer(t)
  revoked.add('a', 'reuse', 9)
  await made.publish({ sids: ['a', 'b'], reason: 'logout', expiresAtMs: 7 })
  t.match(revoked.get('a'), { reason: 'reuse', expiresAtMs: 9 })
  t.match(revoked.get('b'), { reason: 'logout', expiresAtMs: 7 })
})

t.test('a batch that fails keeps none of the others back, and is tried until it is in', async (t) => {
  let failures = 3
  const {
    announcer: made,
    told,
    revoked,
    pass
  } = announcer(t, async (revocation) => {
    if (revocation.sids[0] === 'sid 0' && failures-- > 0) throw new Error('WRONGTYPE')
    // A feed tells who adds to it, too.
    revoked.addFromFeed(revocation)
  })
  await t.rejects(made.publish({ sids: sids(501), reason: 'logout', expiresAtMs: 7 }), unavailable)
  t.equal(revoked.isInFeed('sid 500'), true)
  t.equal(revoked.isInFeed('sid 0'), false)
  for (const pauseMs of [100, 200]) await pass(pauseMs)
  t.equal(revoked.isInFeed('sid 0'), false)
  await pass(400)
  t.equal(revoked.isInFeed('sid 0'), true)
  await pass(retentionMs / 2)
  t.equal(told.filter(({ sids }) => sids[0] === 'sid 0').length, 4, 'and not again')
  await made.publish({ sids: sids(501), reason: 'logout', expiresAtMs: 7 })
  t.equal(told.length, 5, 'nor when somebody asks again')
})

t.test('the first failure is told when each batch was tried to its end', async (t) => {
  const second = deferred<void>()
  const { announcer: made } = announcer(t, ({ sids }) =>
    sids[0] === 'sid 0' ? Promise.reject(new Error('LOADING')) : second.promise
  )
  let isOver = false
  const telling = t.rejects(made.publish({ sids: sids(501), reason: 'logout', expiresAtMs: 7 }), unavailable)
  void telling.then(() => {
    isOver = true
  })
  await settle()
  t.equal(isOver, false)
  second.resolve()
  await telling
})

t.test('a feed that does not answer is a failure in time', async (t) => {
  const { announcer: made, pass, told } = announcer(t, () => new Promise(() => {}))
  const failed = t.rejects(made.publish({ sids: ['a'], reason: 'logout', expiresAtMs: 7 }), unavailable)
  await settle()
  await pass(2000)
  await failed
  await pass(100)
  t.equal(told.length, 2, 'it is tried again')
  await pass(60_000)
  t.equal(told.length, 2, 'and not again while that may still be queued')
})

t.test('it goes on while it matters, and no longer', async (t) => {
  const { announcer: made, pass, told } = announcer(t, () => Promise.reject(new Error('LOADING')))
  await t.rejects(made.publish({ sids: ['a'], reason: 'logout', expiresAtMs: 7 }), unavailable)
  let before = 0
  for (let passed = 0; passed <= retentionMs - 10_000; passed += 5000) {
    before = told.length
    await pass(5000)
  }
  t.equal(told.length, before + 1, 'nearly to the end')
  await pass(15_000)
  const after = told.length
  await pass(3_600_000)
  t.equal(told.length, after)
})

t.test('closing gives up', async (t) => {
  const { announcer: made, background, pass, told } = announcer(t, () => Promise.reject(new Error('LOADING')))
  await t.rejects(made.publish({ sids: ['a'], reason: 'logout', expiresAtMs: 7 }), unavailable)
  background.close()
  await pass(retentionMs)
  t.equal(told.length, 1)
})

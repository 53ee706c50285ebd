import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { RevocationPublisher } from '../../../../lib/sessions/revocation/revocation-publisher.js'
import { RevocationRepeater } from '../../../../lib/sessions/revocation/revocation-repeater.js'
import { RevokedSessions } from '../../../../lib/sessions/revocation/revoked-sessions.js'
import { Revoker } from '../../../../lib/sessions/revocation/revoker.js'
import { ExpiringMap } from '../../../../lib/utils/expiring-map.js'
import { RetryQueue } from '../../../../lib/utils/retry-queue.js'
import type { Revocation, RevocationFeed } from '../../../../types/revocation-feed.js'
import type { Session } from '../../../../types/session.js'
import type { SessionStore } from '../../../../types/session-store.js'
import { storeClient } from '../../../support/store-client.js'
import { mockClocks, settle } from '../../../support/timers.js'

const startMs = Date.UTC(2030, 0, 1)
const accessTokenTtlMs = 300_000
const maxTtlMs = 7_776_000_000
const unavailable = { code: 'FRT_ERR_STORE_UNAVAILABLE' }
const down = () => Promise.reject(new Error('LOADING'))

function session(sid: string): Session {
  const created = new Date(startMs)
  return {
    sid,
    sub: 'user-1',
    gen: 1,
    jkt: null,
    name: null,
    authenticatedAt: created,
    acr: null,
    amr: [],
    createdAt: created,
    lastUsedAt: created,
    expiresAt: new Date(startMs + 1_000_000),
    absoluteExpiresAt: new Date(startMs + 2_000_000),
    remember: true,
    claims: {},
    metadata: {}
  }
}

type RevokeMethods = Pick<SessionStore, 'revoke' | 'revokeAll' | 'waitForReplicas'>

/** Creates a revoker for a store with the given methods. `reported` records the calls of `onRevoked`. */
function createRevoker(
  t: Test,
  { revoke = down, revokeAll = down, ...others }: Partial<RevokeMethods>,
  feed: RevocationFeed | null = null
) {
  const pass = mockClocks(t, startMs)
  const retryQueue = new RetryQueue({ pauseMs: 100 })
  t.teardown(() => retryQueue.close())
  const store = { revoke, revokeAll, ...others, now: async () => Date.now() } as unknown as SessionStore
  const revoked = new RevokedSessions('frt:', accessTokenTtlMs)
  const client = storeClient(store, 2000, retryQueue)
  const publisher = new RevocationPublisher(feed, client, revoked, accessTokenTtlMs)
  const repeater = new RevocationRepeater(client, revoked, maxTtlMs)
  const reported: string[] = []
  return {
    pass,
    retryQueue,
    revoked,
    reported,
    onRevoked: ({ sid }: Session, reason: string) => void reported.push(`${sid} ${reason}`),
    repeater,
    revoker: new Revoker(client, publisher, revoked, repeater, { maxTtlMs, waitsForReplicas: true })
  }
}

t.test('revoke records the revocation with its reason and reports it once', async (t) => {
  const setup = createRevoker(t, { revoke: async (sids) => sids.map(session) })
  t.equal(setup.revoker.findRevocation('a'), undefined)
  t.equal(await setup.revoker.revoke(['a'], 'logout', setup.onRevoked), 1)
  t.has(setup.revoker.findRevocation('a'), { reason: 'logout', expiresAtMs: startMs + 1_000_000 })
  t.same(setup.reported, ['a logout'])
})

t.test('revoke of an unknown session reports nothing and records an expired revocation', async (t) => {
  const setup = createRevoker(t, { revoke: async () => [] })
  t.equal(await setup.revoker.revoke(['a'], 'logout', setup.onRevoked), 0)
  t.has(setup.revoker.findRevocation('a'), { reason: 'logout', expiresAtMs: 0 })
  t.same(setup.reported, [])
})

t.test('a session is rejected before the store replies', async (t) => {
  const setup = createRevoker(t, { revoke: () => new Promise(() => {}) })
  const failed = t.rejects(setup.revoker.revoke(['a'], 'reuse', setup.onRevoked), unavailable)
  t.has(setup.revoker.findRevocation('a'), { reason: 'reuse', expiresAtMs: startMs + maxTtlMs })
  await settle()
  await setup.pass(2000)
  await failed
  t.has(setup.revoker.findRevocation('a'), { reason: 'reuse' })
})

t.test(
  'a failed revocation rejects, is retried with the same idempotency key, and is reported once',
  async (t) => {
    let failures = 3
    const idempotencyKeys = new Set<string>()
    let attempts = 0
    const setup = createRevoker(t, {
      async revoke(sids, _reason, idempotencyKey) {
        attempts++
        idempotencyKeys.add(idempotencyKey)
        if (failures-- > 0) throw new Error('LOADING')
        return sids.map(session)
      }
    })
    await t.rejects(setup.revoker.revoke(['a'], 'logout', setup.onRevoked), unavailable)
    t.same(setup.reported, [])
    for (const pauseMs of [100, 200]) await setup.pass(pauseMs)
    t.same(setup.reported, [])
    await setup.pass(400)
    t.same(setup.reported, ['a logout'])
    t.has(setup.revoker.findRevocation('a'), { reason: 'logout', expiresAtMs: startMs + 1_000_000 })
    await setup.pass(1_000_000)
    t.equal(attempts, 4)
    t.equal(idempotencyKeys.size, 1)
    t.same(setup.reported, ['a logout'])
  }
)

t.test('two revocations of one session during an outage are reported once', async (t) => {
  let isDown = true
  let exists = true
  const setup = createRevoker(t, {
    async revoke(sids) {
      if (isDown) throw new Error('LOADING')
      const found = exists ? sids : []
      exists = false
      return found.map(session)
    }
  })
  await t.rejects(setup.revoker.revoke(['a'], 'reuse', setup.onRevoked), unavailable)
  await t.rejects(setup.revoker.revoke(['a'], 'logout', setup.onRevoked), unavailable)
  t.has(setup.revoker.findRevocation('a'), { reason: 'reuse' }, 'the first reason stays')
  isDown = false
  await setup.pass(100)
  await setup.pass(1_000_000)
  t.same(setup.reported, ['a reuse'])
})

t.test('a second revocation without effect keeps the first one', async (t) => {
  const results = [[session('a')], []]
  const setup = createRevoker(t, { revoke: async () => results.shift() ?? [] })
  t.equal(await setup.revoker.revoke(['a'], 'reuse', setup.onRevoked), 1)
  t.equal(await setup.revoker.revoke(['a'], 'logout', setup.onRevoked), 0)
  t.has(setup.revoker.findRevocation('a'), { reason: 'reuse', expiresAtMs: startMs + 1_000_000 })
  t.same(setup.reported, ['a reuse'])
})

t.test('each call has its own idempotency key', async (t) => {
  const idempotencyKeys: string[] = []
  const setup = createRevoker(t, {
    async revoke(_sids, _reason, idempotencyKey) {
      idempotencyKeys.push(idempotencyKey)
      return []
    },
    async revokeAll(_sub, _reason, idempotencyKey) {
      idempotencyKeys.push(idempotencyKey)
      return []
    }
  })
  await setup.revoker.revoke(['a'], 'logout', setup.onRevoked)
  await setup.revoker.revoke(['a'], 'logout', setup.onRevoked)
  await setup.revoker.revokeAll('user-1', 'logout', undefined, setup.onRevoked)
  t.equal(new Set(idempotencyKeys).size, 3)
  t.ok(idempotencyKeys.every((each) => /^[\w-]{8}$/.test(each)))
})

t.test('retries stop after the longest session lifetime', async (t) => {
  let attempts = 0
  const setup = createRevoker(t, {
    revoke() {
      attempts++
      return down()
    }
  })
  await t.rejects(setup.revoker.revoke(['a'], 'logout', setup.onRevoked), unavailable)
  await setup.pass(100)
  t.equal(attempts, 2)
  await setup.pass(maxTtlMs)
  await setup.pass(1_000_000)
  t.equal(attempts, 2)
})

t.test('close stops the retries', async (t) => {
  let attempts = 0
  const setup = createRevoker(t, {
    revoke() {
      attempts++
      return down()
    }
  })
  await t.rejects(setup.revoker.revoke(['a'], 'logout', setup.onRevoked), unavailable)
  setup.retryQueue.close()
  await setup.pass(1_000_000)
  t.equal(attempts, 1)
})

t.test('revokeAll reports each session and excludes the given one', async (t) => {
  const calls: unknown[] = []
  const setup = createRevoker(t, {
    async revokeAll(sub, reason, _idempotencyKey, filter) {
      calls.push({ sub, reason, ...filter })
      return [session('a'), session('b')]
    }
  })
  t.equal(await setup.revoker.revokeAll('user-1', 'revoked', 'c', setup.onRevoked), 2)
  t.strictSame(calls, [{ sub: 'user-1', reason: 'revoked', except: 'c', createdUntilMs: startMs }])
  t.same(setup.reported, ['a revoked', 'b revoked'])
  t.has(setup.revoker.findRevocation('b'), { reason: 'revoked', expiresAtMs: startMs + 1_000_000 })
  t.equal(setup.revoker.findRevocation('c'), undefined)
})

t.test('a retry of revokeAll excludes sessions that were created after the call', async (t) => {
  const times: number[] = []
  const idempotencyKeys = new Set<string>()
  const setup = createRevoker(t, {
    async revokeAll(_sub, _reason, idempotencyKey, { createdUntilMs }) {
      times.push(createdUntilMs)
      idempotencyKeys.add(idempotencyKey)
      if (times.length < 4) throw new Error('LOADING')
      return [session('a')]
    }
  })
  await t.rejects(setup.revoker.revokeAll('user-1', 'logout', undefined, setup.onRevoked), unavailable)
  for (const pauseMs of [100, 200, 400, 1_000_000]) await setup.pass(pauseMs)
  t.same(times, [startMs, startMs, startMs, startMs], 'sessions that existed at the call')
  t.equal(idempotencyKeys.size, 1)
  t.same(setup.reported, ['a logout'])
})

t.test(
  'a retry of revokeAll after a timeout excludes sessions that were created during the first attempt',
  async (t) => {
    const times: number[] = []
    const setup = createRevoker(t, {
      revokeAll(_sub, _reason, _idempotencyKey, { createdUntilMs }) {
        times.push(createdUntilMs)
        return times.length === 1 ? new Promise(() => {}) : Promise.resolve([])
      }
    })
    const failed = t.rejects(
      setup.revoker.revokeAll('user-1', 'logout', undefined, setup.onRevoked),
      unavailable
    )
    await settle()
    await setup.pass(2000)
    await failed
    await setup.pass(100)
    t.same(times, [startMs, startMs])
  }
)

t.test('a second revokeAll is executed although the first one is pending', async (t) => {
  let isDown = true
  const existing = new Set(['current', 'other'])
  const setup = createRevoker(t, {
    async revokeAll(_sub, _reason, _idempotencyKey, { except }) {
      if (isDown) throw new Error('LOADING')
      const removed = [...existing].filter((sid) => sid !== except)
      for (const sid of removed) existing.delete(sid)
      return removed.map(session)
    }
  })
  // The user revokes the other sessions. Then the administrator revokes all sessions.
  await t.rejects(setup.revoker.revokeAll('user-1', 'logout', 'current', setup.onRevoked), unavailable)
  await t.rejects(setup.revoker.revokeAll('user-1', 'revoked', undefined, setup.onRevoked), unavailable)
  isDown = false
  for (const pauseMs of [100, 200, 1_000_000]) await setup.pass(pauseMs)
  t.same([...existing], [])
})

t.test('recordAndPublish records and reports sessions that the store evicted', async (t) => {
  const setup = createRevoker(t, {})
  setup.revoker.recordAndPublish([session('a'), session('b')], 'evicted', setup.onRevoked)
  t.same(setup.reported, ['a evicted', 'b evicted'])
  t.has(setup.revoker.findRevocation('a'), { reason: 'evicted', expiresAtMs: startMs + 1_000_000 })
  setup.revoker.recordAndPublish([], 'evicted', setup.onRevoked)
  t.equal(setup.reported.length, 2)
})

t.test('a revocation is kept for the lifetime of an access token plus two minutes', async (t) => {
  const setup = createRevoker(t, {})
  setup.revoker.recordAndPublish([session('a')], 'logout', setup.onRevoked)
  await setup.pass(accessTokenTtlMs + 119_999)
  t.has(setup.revoker.findRevocation('a'), { reason: 'logout' })
  await setup.pass(1)
  t.equal(setup.revoker.findRevocation('a'), undefined)
})

t.test('a revocation is kept if the wall clock is wrong for a while', async (t) => {
  const day = 86_400_000
  for (const [change, wrongMs] of [
    ['ahead', day],
    ['behind', -day]
  ] as const) {
    const isKept = ({ revoker }: ReturnType<typeof createRevoker>) =>
      revoker.findRevocation('a') !== undefined

    await t.test(`set ${change} after the revocation`, async (t) => {
      const setup = createRevoker(t, {})
      setup.revoker.recordAndPublish([session('a')], 'logout', setup.onRevoked)
      mock.timers.setTime(startMs + wrongMs)
      t.ok(isKept(setup))
      await setup.pass(accessTokenTtlMs)
      mock.timers.setTime(startMs + accessTokenTtlMs)
      t.ok(isKept(setup), 'after the correction')
      await setup.pass(120_000)
      t.notOk(isKept(setup))
    })

    await t.test(`set ${change} before the revocation, and corrected after it`, async (t) => {
      const setup = createRevoker(t, {})
      mock.timers.setTime(startMs + wrongMs)
      setup.revoker.recordAndPublish([session('a')], 'logout', setup.onRevoked)
      mock.timers.setTime(startMs)
      t.ok(isKept(setup))
      await setup.pass(accessTokenTtlMs + 119_999)
      t.ok(isKept(setup))
    })
  }

  await t.test('a clock that was corrected before the revocation does not keep it longer', async (t) => {
    const setup = createRevoker(t, {})
    mock.timers.setTime(startMs + 10 * 365 * day)
    setup.revoker.recordAndPublish([session('a')], 'logout', setup.onRevoked)
    await setup.pass(accessTokenTtlMs + 120_000)
    t.equal(setup.revoker.findRevocation('a'), undefined)
  })
})

t.test('an expired revocation is removed from memory', async (t) => {
  const set = mock.method(ExpiringMap.prototype, 'set')
  t.teardown(() => set.mock.restore())
  const setup = createRevoker(t, {})
  setup.revoker.recordAndPublish([session('a'), session('b')], 'logout', setup.onRevoked)
  const entries = set.mock.calls[0]?.this as ExpiringMap<{ expiresUs: number }>
  t.equal(entries.size, 2)
  await setup.pass(accessTokenTtlMs + 180_000)
  setup.revoker.recordAndPublish([session('c')], 'logout', setup.onRevoked)
  t.equal(entries.size, 1)
})

/** A feed that records the added revocations. Its first calls fail. */
function recordingFeed(failures = 0) {
  const published: Revocation[] = []
  const feed: RevocationFeed = {
    async add(revocation) {
      if (failures-- > 0) throw new Error('WRONGTYPE')
      published.push(revocation)
    },
    follow: async () => {},
    isStale: () => false,
    close() {}
  }
  return { published, feed }
}

t.test('revoke calls the store before it publishes', async (t) => {
  const { published, feed } = recordingFeed()
  let publishedBefore = -1
  const setup = createRevoker(
    t,
    {
      async revoke(sids) {
        publishedBefore = published.length
        return sids.map(session)
      }
    },
    feed
  )
  t.equal(await setup.revoker.revoke(['a'], 'logout', setup.onRevoked), 1)
  t.equal(publishedBefore, 0)
  t.strictSame(published, [{ sids: ['a'], reason: 'logout', expiresAtMs: startMs + 1_000_000 }])
})

t.test('revoke does not publish before the store has revoked the session', async (t) => {
  const { published, feed } = recordingFeed()
  const setup = createRevoker(t, {}, feed)
  await t.rejects(setup.revoker.revoke(['a'], 'logout', setup.onRevoked), unavailable)
  t.same(published, [])
})

t.test('a failed publication is retried without another call of the store', async (t) => {
  const { published, feed } = recordingFeed(2)
  let revokes = 0
  const setup = createRevoker(
    t,
    {
      async revoke(sids) {
        revokes++
        return sids.map(session)
      }
    },
    feed
  )
  await t.rejects(setup.revoker.revoke(['a'], 'logout', setup.onRevoked), unavailable)
  t.same(setup.reported, ['a logout'])
  for (const pauseMs of [100, 200, 1_000_000]) await setup.pass(pauseMs)
  t.equal(published.length, 1)
  t.equal(revokes, 1)
  t.same(setup.reported, ['a logout'])
})

t.test('revoke publishes a session that was revoked before', async (t) => {
  const { published, feed } = recordingFeed()
  const setup = createRevoker(t, { revoke: async () => [] }, feed)
  t.equal(await setup.revoker.revoke(['a'], 'logout', setup.onRevoked), 0)
  t.strictSame(published, [{ sids: ['a'], reason: 'logout', expiresAtMs: 0 }])
  t.equal(await setup.revoker.revoke(['a'], 'logout', setup.onRevoked), 0)
  t.equal(published.length, 1, 'once')
})

t.test('revokeAll publishes all sessions in one entry', async (t) => {
  const { published, feed } = recordingFeed()
  const later = { ...session('b'), expiresAt: new Date(startMs + 3_000_000) }
  const setup = createRevoker(t, { revokeAll: async () => [session('a'), later, session('c')] }, feed)
  t.equal(await setup.revoker.revokeAll('user-1', 'revoked', undefined, setup.onRevoked), 3)
  t.strictSame(published, [{ sids: ['a', 'b', 'c'], reason: 'revoked', expiresAtMs: startMs + 3_000_000 }])
})

t.test('a revocation that succeeds in the retryQueue is published', async (t) => {
  const { published, feed } = recordingFeed(1)
  let failures = 1
  const setup = createRevoker(
    t,
    { revoke: async (sids) => (failures-- > 0 ? down() : sids.map(session)) },
    feed
  )
  await t.rejects(setup.revoker.revoke(['a'], 'logout', setup.onRevoked), unavailable)
  for (const pauseMs of [100, 200]) await setup.pass(pauseMs)
  t.equal(published.length, 1)
})

/** Session ids of one user begin with the same 12 characters. */
const [first = '', second = '', third = ''] = ['-1', '-2', '-3'].map((end) => `tag of ada..${end}`)

t.test('revoke calls the store and the feed once for the sessions of a user', async (t) => {
  const { published, feed } = recordingFeed()
  const calls: (readonly string[])[] = []
  const setup = createRevoker(
    t,
    {
      async revoke(sids) {
        calls.push(sids)
        return sids.filter((sid) => sid !== second).map(session)
      }
    },
    feed
  )
  t.equal(await setup.revoker.revoke([first, 'other user', second, third], 'logout', setup.onRevoked), 3)
  t.same(calls, [[first, second, third], ['other user']])
  t.strictSame(published, [
    { sids: [first, second, third], reason: 'logout', expiresAtMs: startMs + 1_000_000 },
    { sids: ['other user'], reason: 'logout', expiresAtMs: startMs + 1_000_000 }
  ])
  t.same(setup.reported, [`${first} logout`, `${third} logout`, 'other user logout'])
  t.has(setup.revoker.findRevocation(second), { reason: 'logout', expiresAtMs: 0 })
})

t.test('a failed call for one user does not prevent the revocation for another one', async (t) => {
  const setup = createRevoker(t, {
    revoke: async (sids) => (sids.includes(first) ? down() : sids.map(session))
  })
  await t.rejects(setup.revoker.revoke([first, 'other user'], 'logout', setup.onRevoked), unavailable)
  t.same(setup.reported, ['other user logout'])
})

t.test('repeated logouts during an outage start one retry for each session at most', async (t) => {
  let isDown = true
  const revoked: (readonly string[])[] = []
  const setup = createRevoker(t, {
    async revoke(sids) {
      if (isDown) throw new Error('LOADING')
      revoked.push(sids)
      return sids.map(session)
    }
  })
  for (const sids of [[first, second], [second], [second, first], [first, third], [third, second], [first]])
    await t.rejects(setup.revoker.revoke(sids, 'logout', setup.onRevoked), unavailable)
  isDown = false
  for (const pauseMs of [100, 200, 1_000_000]) await setup.pass(pauseMs)
  t.same(revoked, [
    [first, second],
    [first, third]
  ])
})

t.test('a retry that replicas did not acknowledge is not started again by another logout', async (t) => {
  let acknowledges = false
  let revokes = 0
  const setup = createRevoker(t, {
    async revoke() {
      revokes++
      return []
    },
    async waitForReplicas() {
      if (!acknowledges) throw new Error('0 of 1 replicas')
      return undefined
    }
  })
  for (let i = 0; i < 3; i++)
    await t.rejects(setup.revoker.revoke(['a'], 'logout', setup.onRevoked), unavailable)
  t.equal(setup.revoker.pendingReason('a'), 'logout')
  acknowledges = true
  for (const pauseMs of [100, 200, 1_000_000]) await setup.pass(pauseMs)
  t.equal(revokes, 4, 'three calls and one retry')
  t.equal(setup.revoker.pendingReason('a'), undefined)
})

t.test('a revocation is settled as long as it is kept', async (t) => {
  const { feed } = recordingFeed()
  const setup = createRevoker(t, { revoke: async (sids) => sids.map(session) }, feed)
  t.same(setup.revoker.withoutSettled(['a', 'b']), ['a', 'b'])
  await setup.revoker.revoke(['a'], 'logout', setup.onRevoked)
  t.same(setup.revoker.withoutSettled(['a', 'b']), ['b'])
  await setup.pass(accessTokenTtlMs + 119_999)
  t.same(setup.revoker.withoutSettled(['a']), [])
  await setup.pass(1)
  t.same(setup.revoker.withoutSettled(['a']), ['a'])
})

t.test('sessions that revokeAll has revoked are settled', async (t) => {
  const setup = createRevoker(t, { revokeAll: async () => [session('a')] })
  await setup.revoker.revokeAll('user-1', 'logout', undefined, setup.onRevoked)
  t.same(setup.revoker.withoutSettled(['a', 'b']), ['b'])
})

t.test('a revocation that this process has not completed itself is not settled', async (t) => {
  await t.test('because it comes from another process or from an eviction', async (t) => {
    const setup = createRevoker(t, {})
    setup.revoked.addFromFeed({ sids: ['a'], reason: 'logout', expiresAtMs: startMs + 1_000_000 })
    await setup.revoker.recordAndPublish([session('b')], 'evicted', setup.onRevoked)
    t.same(setup.revoker.withoutSettled(['a', 'b']), ['a', 'b'])
  })

  await t.test('because a later call failed', async (t) => {
    let isDown = false
    const setup = createRevoker(t, { revoke: async (sids) => (isDown ? down() : sids.map(session)) })
    await setup.revoker.revoke(['a'], 'logout', setup.onRevoked)
    isDown = true
    await t.rejects(setup.revoker.revoke(['a'], 'revoked', setup.onRevoked), unavailable)
    t.same(setup.revoker.withoutSettled(['a']), ['a'])
  })

  await t.test('because a new master may have lost it, however long ago it was', async (t) => {
    const setup = createRevoker(t, { revoke: async (sids) => sids.map(session) })
    await setup.revoker.revoke(['a'], 'logout', setup.onRevoked)
    await setup.pass(61_000)
    t.same(setup.revoker.withoutSettled(['a']), [])
    await setup.repeater.repeatRecent()
    t.same(setup.revoker.withoutSettled(['a']), ['a'])
  })

  await t.test('because a failover may have lost it', async (t) => {
    const setup = createRevoker(t, { revoke: async (sids) => sids.map(session) })
    await setup.revoker.revoke(['a', 'b'], 'logout', setup.onRevoked)
    await setup.repeater.repeat({ sids: ['a'], reason: 'logout', expiresAtMs: 0 })
    t.same(setup.revoker.withoutSettled(['a', 'b']), ['a'])
    await setup.pass(1)
    void setup.repeater.repeatRecent()
    t.same(setup.revoker.withoutSettled(['a', 'b']), ['a', 'b'])
    await settle()
    await setup.revoker.revoke(['a', 'b'], 'logout', setup.onRevoked)
    t.same(setup.revoker.withoutSettled(['a', 'b']), [])
  })
})

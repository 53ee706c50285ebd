import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { RevocationPublisher } from '../../../../lib/sessions/revocation/revocation-publisher.js'
import { RevokedSessions } from '../../../../lib/sessions/revocation/revoked-sessions.js'
import { Revoker } from '../../../../lib/sessions/revocation/revoker.js'
import { ExpiringMap } from '../../../../lib/utils/expiring-map.js'
import { RetryQueue } from '../../../../lib/utils/retry-queue.js'
import type { Revocation, RevocationFeed } from '../../../../types/revocation-feed.js'
import type { Session } from '../../../../types/session.js'
import type { SessionStore } from '../../../../types/session-store.js'
import { storeClient } from '../../../support/store-client.js'
import { mockTimers, pass, settle } from '../../../support/timers.js'

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
    createdAt: created,
    lastUsedAt: created,
    expiresAt: new Date(startMs + 1_000_000),
    absoluteExpiresAt: new Date(startMs + 2_000_000),
    remember: true,
    claims: {},
    metadata: {}
  }
}

/** A clock, wall and monotonic, that passes as the test lets it. */
function mockTime(t: Test) {
  mockTimers(t, { apis: ['setTimeout', 'Date'], now: startMs })
  let elapsedMs = 0.25
  const monotonic = mock.method(performance, 'now', () => elapsedMs)
  t.teardown(() => monotonic.mock.restore())
  return async function passBoth(ms: number): Promise<void> {
    elapsedMs += ms
    await pass(ms)
  }
}

type Revokes = Pick<SessionStore, 'revoke' | 'revokeAll'>

/** A revoker of a store that answers as told; `ended` records for whom and why it was called. */
function revoker(
  t: Test,
  { revoke = down, revokeAll = down }: Partial<Revokes>,
  feed: RevocationFeed | null = null
) {
  const passBoth = mockTime(t)
  const background = new RetryQueue({ pauseMs: 100 })
  t.teardown(() => background.close())
  const store = { revoke, revokeAll, now: async () => Date.now() } as unknown as SessionStore
  const revoked = new RevokedSessions('frt:', accessTokenTtlMs)
  const client = storeClient(store, 2000, background)
  const ended: string[] = []
  return {
    pass: passBoth,
    background,
    ended,
    onEnded: ({ sid }: Session, reason: string) => void ended.push(`${sid} ${reason}`),
    revoker: new Revoker(
      client,
      new RevocationPublisher(feed, client, revoked, accessTokenTtlMs),
      revoked,
      maxTtlMs
    )
  }
}

t.test(
  'a session that the store ended is known as ended, with the reason, and is told of once',
  async (t) => {
    const made = revoker(t, { revoke: async (sid) => session(sid) })
    t.equal(made.revoker.findRevocation('a'), undefined)
    t.equal(await made.revoker.revoke('a', 'logout', made.onEnded), true)
    t.has(made.revoker.findRevocation('a'), { reason: 'logout', expiresAtMs: startMs + 1_000_000 })
    t.same(made.ended, ['a logout'])
  }
)

t.test(
  'of a session that there was not to end nobody is told, and no end is to be written again',
  async (t) => {
    const made = revoker(t, { revoke: async () => null })
    t.equal(await made.revoker.revoke('a', 'logout', made.onEnded), false)
    t.has(made.revoker.findRevocation('a'), { reason: 'logout', expiresAtMs: 0 })
    t.same(made.ended, [])
  }
)

t.test('a session that is being ended is refused before the store has answered', async (t) => {
  const made = revoker(t, { revoke: () => new Promise(() => {}) })
  const failed = t.rejects(made.revoker.revoke('a', 'reuse', made.onEnded), unavailable)
  t.has(made.revoker.findRevocation('a'), { reason: 'reuse', expiresAtMs: startMs + maxTtlMs })
  await settle()
  await made.pass(2000)
  await failed
  t.has(made.revoker.findRevocation('a'), { reason: 'reuse' })
})

t.test(
  'what fails is said to fail, tried again with the same operation, and told of once when done',
  async (t) => {
    let failures = 3
    const operations = new Set<string>()
    let tries = 0
    const made = revoker(t, {
      async revoke(sid, _reason, operation) {
        tries++
        operations.add(operation)
        if (failures-- > 0) throw new Error('LOADING')
        return session(sid)
      }
    })
    await t.rejects(made.revoker.revoke('a', 'logout', made.onEnded), unavailable)
    t.same(made.ended, [])
    for (const pauseMs of [100, 200]) await made.pass(pauseMs)
    t.same(made.ended, [])
    await made.pass(400)
    t.same(made.ended, ['a logout'])
    t.has(made.revoker.findRevocation('a'), { reason: 'logout', expiresAtMs: startMs + 1_000_000 })
    await made.pass(1_000_000)
    t.equal(tries, 4)
    t.equal(operations.size, 1)
    t.same(made.ended, ['a logout'])
  }
)

t.test('two that end one session while the store is down tell of it once', async (t) => {
  let isDown = true
  let isAlive = true
  const made = revoker(t, {
    async revoke(sid) {
      if (isDown) throw new Error('LOADING')
      const found = isAlive ? session(sid) : null
      isAlive = false
      return found
    }
  })
  await t.rejects(made.revoker.revoke('a', 'reuse', made.onEnded), unavailable)
  await t.rejects(made.revoker.revoke('a', 'logout', made.onEnded), unavailable)
  t.has(made.revoker.findRevocation('a'), { reason: 'reuse' }, 'the first reason stays')
  isDown = false
  await made.pass(100)
  await made.pass(1_000_000)
  t.same(made.ended, ['a reuse'])
})

t.test('a second end that finds nothing keeps what is known of the first', async (t) => {
  const answers = [session('a'), null]
  const made = revoker(t, { revoke: async () => answers.shift() ?? null })
  t.equal(await made.revoker.revoke('a', 'reuse', made.onEnded), true)
  t.equal(await made.revoker.revoke('a', 'logout', made.onEnded), false)
  t.has(made.revoker.findRevocation('a'), { reason: 'reuse', expiresAtMs: startMs + 1_000_000 })
  t.same(made.ended, ['a reuse'])
})

t.test('different sessions and different calls have operations of their own', async (t) => {
  const operations: string[] = []
  const made = revoker(t, {
    async revoke(_sid, _reason, operation) {
      operations.push(operation)
      return null
    },
    async revokeAll(_sub, _reason, operation) {
      operations.push(operation)
      return []
    }
  })
  await made.revoker.revoke('a', 'logout', made.onEnded)
  await made.revoker.revoke('a', 'logout', made.onEnded)
  await made.revoker.revokeAll('user-1', 'logout', undefined, made.onEnded)
  t.equal(new Set(operations).size, 3)
  t.ok(operations.every((each) => /^[\w-]{8}$/.test(each)))
})

t.test('trying again ends when no session could live any more', async (t) => {
  let tries = 0
  const made = revoker(t, {
    revoke() {
      tries++
      return down()
    }
  })
  await t.rejects(made.revoker.revoke('a', 'logout', made.onEnded), unavailable)
  await made.pass(100)
  t.equal(tries, 2)
  await made.pass(maxTtlMs)
  await made.pass(1_000_000)
  t.equal(tries, 2)
})

t.test('closing gives up what is not done', async (t) => {
  let tries = 0
  const made = revoker(t, {
    revoke() {
      tries++
      return down()
    }
  })
  await t.rejects(made.revoker.revoke('a', 'logout', made.onEnded), unavailable)
  made.background.close()
  await made.pass(1_000_000)
  t.equal(tries, 1)
})

t.test('ending all ends and tells of each, and spares the one that is named', async (t) => {
  const asked: unknown[] = []
  const made = revoker(t, {
    async revokeAll(sub, reason, _operation, spare) {
      asked.push({ sub, reason, ...spare })
      return [session('a'), session('b')]
    }
  })
  t.equal(await made.revoker.revokeAll('user-1', 'revoked', 'c', made.onEnded), 2)
  t.strictSame(asked, [{ sub: 'user-1', reason: 'revoked', except: 'c', createdUntilMs: startMs }])
  t.same(made.ended, ['a revoked', 'b revoked'])
  t.has(made.revoker.findRevocation('b'), { reason: 'revoked', expiresAtMs: startMs + 1_000_000 })
  t.equal(made.revoker.findRevocation('c'), undefined)
})

t.test('later tries to end all spare the sessions that began meanwhile', async (t) => {
  const times: number[] = []
  const operations = new Set<string>()
  const made = revoker(t, {
    async revokeAll(_sub, _reason, operation, { createdUntilMs }) {
      times.push(createdUntilMs)
      operations.add(operation)
      if (times.length < 4) throw new Error('LOADING')
      return [session('a')]
    }
  })
  await t.rejects(made.revoker.revokeAll('user-1', 'logout', undefined, made.onEnded), unavailable)
  for (const pauseMs of [100, 200, 400, 1_000_000]) await made.pass(pauseMs)
  t.same(times, [startMs, startMs, startMs, startMs], 'those that there were at the call')
  t.equal(operations.size, 1)
  t.same(made.ended, ['a logout'])
})

t.test('a time-out of ending all counts: a try after it spares what began during the first', async (t) => {
  const times: number[] = []
  const made = revoker(t, {
    revokeAll(_sub, _reason, _operation, { createdUntilMs }) {
      times.push(createdUntilMs)
      return times.length === 1 ? new Promise(() => {}) : Promise.resolve([])
    }
  })
  const failed = t.rejects(made.revoker.revokeAll('user-1', 'logout', undefined, made.onEnded), unavailable)
  await settle()
  await made.pass(2000)
  await failed
  await made.pass(100)
  t.same(times, [startMs, startMs])
})

t.test('a second call to end all is not lost behind the first that is still to be done', async (t) => {
  let isDown = true
  const alive = new Set(['current', 'other'])
  const made = revoker(t, {
    async revokeAll(_sub, _reason, _operation, { except }) {
      if (isDown) throw new Error('LOADING')
      const gone = [...alive].filter((sid) => sid !== except)
      for (const sid of gone) alive.delete(sid)
      return gone.map(session)
    }
  })
  // The user logs out elsewhere and stays; then the administrator ends all there is.
  await t.rejects(made.revoker.revokeAll('user-1', 'logout', 'current', made.onEnded), unavailable)
  await t.rejects(made.revoker.revokeAll('user-1', 'revoked', undefined, made.onEnded), unavailable)
  isDown = false
  for (const pauseMs of [100, 200, 1_000_000]) await made.pass(pauseMs)
  t.same([...alive], [])
})

t.test('sessions that the store ended on its own are taken note of and told of', async (t) => {
  const made = revoker(t, {})
  made.revoker.recordAndPublish([session('a'), session('b')], 'evicted', made.onEnded)
  t.same(made.ended, ['a evicted', 'b evicted'])
  t.has(made.revoker.findRevocation('a'), { reason: 'evicted', expiresAtMs: startMs + 1_000_000 })
  made.revoker.recordAndPublish([], 'evicted', made.onEnded)
  t.equal(made.ended.length, 2)
})

t.test(
  'an end is known for as long as an access token may live and two minutes, then forgotten',
  async (t) => {
    const made = revoker(t, {})
    made.revoker.recordAndPublish([session('a')], 'logout', made.onEnded)
    await made.pass(accessTokenTtlMs + 119_999)
    t.has(made.revoker.findRevocation('a'), { reason: 'logout' })
    await made.pass(1)
    t.equal(made.revoker.findRevocation('a'), undefined)
  }
)

t.test('what is known stays known when somebody sets the clock', async (t) => {
  const made = revoker(t, {})
  made.revoker.recordAndPublish([session('a')], 'logout', made.onEnded)
  mock.timers.setTime(startMs + 10 * maxTtlMs)
  t.equal(Date.now(), startMs + 10 * maxTtlMs)
  t.has(made.revoker.findRevocation('a'), { reason: 'logout' })
})

t.test('what is forgotten is not kept in memory either', async (t) => {
  const set = mock.method(ExpiringMap.prototype, 'set')
  t.teardown(() => set.mock.restore())
  const made = revoker(t, {})
  made.revoker.recordAndPublish([session('a'), session('b')], 'logout', made.onEnded)
  const remembered = set.mock.calls[0]?.this as ExpiringMap<{ expiresUs: number }>
  t.equal(remembered.size, 2)
  await made.pass(accessTokenTtlMs + 180_000)
  made.revoker.recordAndPublish([session('c')], 'logout', made.onEnded)
  t.equal(remembered.size, 1)
})

/** A feed that records what it is told, and fails as often as it is told to. */
function recording(failures = 0) {
  const told: Revocation[] = []
  const feed: RevocationFeed = {
    async add(revocation) {
      if (failures-- > 0) throw new Error('WRONGTYPE')
      told.push(revocation)
    },
    follow: async () => {},
    isStale: () => false,
    close() {}
  }
  return { told, feed }
}

t.test('the store is asked first, then the others are told', async (t) => {
  const { told, feed } = recording()
  let toldBefore = -1
  const made = revoker(
    t,
    {
      async revoke(sid) {
        toldBefore = told.length
        return session(sid)
      }
    },
    feed
  )
  t.equal(await made.revoker.revoke('a', 'logout', made.onEnded), true)
  t.equal(toldBefore, 0)
  t.strictSame(told, [{ sids: ['a'], reason: 'logout', expiresAtMs: startMs + 1_000_000 }])
})

t.test('nobody is told of what the store has not ended yet', async (t) => {
  const { told, feed } = recording()
  const made = revoker(t, {}, feed)
  await t.rejects(made.revoker.revoke('a', 'logout', made.onEnded), unavailable)
  t.same(told, [])
})

t.test('where only telling fails, the session is ended once, and telling alone is tried again', async (t) => {
  const { told, feed } = recording(2)
  let revokes = 0
  const made = revoker(
    t,
    {
      async revoke(sid) {
        revokes++
        return session(sid)
      }
    },
    feed
  )
  await t.rejects(made.revoker.revoke('a', 'logout', made.onEnded), unavailable)
  t.same(made.ended, ['a logout'])
  for (const pauseMs of [100, 200, 1_000_000]) await made.pass(pauseMs)
  t.equal(told.length, 1)
  t.equal(revokes, 1)
  t.same(made.ended, ['a logout'])
})

t.test('of a session that was over already the others are told all the same', async (t) => {
  const { told, feed } = recording()
  const made = revoker(t, { revoke: async () => null }, feed)
  t.equal(await made.revoker.revoke('a', 'logout', made.onEnded), false)
  t.strictSame(told, [{ sids: ['a'], reason: 'logout', expiresAtMs: 0 }])
  t.equal(await made.revoker.revoke('a', 'logout', made.onEnded), false)
  t.equal(told.length, 1, 'once')
})

t.test('of all sessions that end together the others are told together', async (t) => {
  const { told, feed } = recording()
  const later = { ...session('b'), expiresAt: new Date(startMs + 3_000_000) }
  const made = revoker(t, { revokeAll: async () => [session('a'), later, session('c')] }, feed)
  t.equal(await made.revoker.revokeAll('user-1', 'revoked', undefined, made.onEnded), 3)
  t.strictSame(told, [{ sids: ['a', 'b', 'c'], reason: 'revoked', expiresAtMs: startMs + 3_000_000 }])
})

t.test('a session that was ended late, in the background, is told of, too', async (t) => {
  const { told, feed } = recording(1)
  let failures = 1
  const made = revoker(t, { revoke: async (sid) => (failures-- > 0 ? down() : session(sid)) }, feed)
  await t.rejects(made.revoker.revoke('a', 'logout', made.onEnded), unavailable)
  for (const pauseMs of [100, 200]) await made.pass(pauseMs)
  t.equal(told.length, 1)
})

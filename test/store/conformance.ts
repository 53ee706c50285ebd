import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import type {
  CreateOutcome,
  NewSession,
  Refresh,
  RefreshOutcome,
  SessionStore
} from '../../lib/store/session-store.js'
import { createFamily, sidOf, tagOf } from '../../lib/tokens/refresh-token.js'
import type { StoreUnderTest } from '../helpers/stores.js'

const SECOND = 1000
const HOUR = 3600 * SECOND
const DAY = 24 * HOUR
/** The grace of these tests. */
const W = 30 * SECOND
/** An unconfirmed generation's rest is over: the clock stands still here, and each copy is a microsecond younger. */
const AFTER_REST = 3 * W + 1

/** No session began so late. */
const ALL = { createdUntilMs: Number.MAX_SAFE_INTEGER }

const newOperation = () => randomBytes(6).toString('base64url')

export function newSession(given: Partial<NewSession> = {}): NewSession {
  const sub = given.sub ?? `user ${newOperation()}`
  return {
    sid: sidOf(createFamily(sub)),
    sub,
    ttlMs: 90 * DAY,
    idleMs: 14 * DAY,
    remember: true,
    claims: { roles: ['reader'] },
    metadata: {},
    requestMetadata: { ip: '127.0.0.1' },
    maxPerUser: 100,
    replaces: [],
    ...given
  }
}

async function begin(store: SessionStore, given: Partial<NewSession> = {}) {
  const created = await store.create(newSession(given))
  if (created.outcome !== 'created') throw new Error(`not created: ${created.outcome}`)
  return created
}

type Created = Extract<CreateOutcome, { outcome: 'created' }>
type Issued = Extract<RefreshOutcome, { issuedUs: number }>

/** A session, its tokens by generation, and what a client does with them. */
class Client {
  readonly store: SessionStore
  readonly sid: string
  readonly sub: string
  readonly rule: Partial<Refresh>

  static async login(store: SessionStore, rule: Partial<Refresh> = {}, given: Partial<NewSession> = {}) {
    return new Client(store, await begin(store, given), rule)
  }

  constructor(store: SessionStore, { session }: Created, rule: Partial<Refresh>) {
    this.store = store
    this.sid = session.sid
    this.sub = session.sub
    this.rule = rule
  }

  present(gen: number, issuedUs: number, rule: Partial<Refresh> = {}): Promise<RefreshOutcome> {
    return this.store.rotate({
      sid: this.sid,
      gen,
      issuedUs,
      graceMs: W,
      untilConfirmed: true,
      rollback: 'adopt-one',
      askBeforeReplay: false,
      idleMs: 14 * DAY,
      requestMetadata: null,
      operation: newOperation(),
      ...this.rule,
      ...rule
    })
  }

  /** Presents a token that must be answered with another, and gives that. */
  async exchange(token: Token, rule: Partial<Refresh> = {}): Promise<Token & Issued> {
    const outcome = await this.present(token.gen, token.issuedUs, rule)
    if (!('issuedUs' in outcome)) throw new Error(`generation ${token.gen} was ${outcome.outcome}`)
    return { ...outcome, gen: outcome.session.gen }
  }

  confirm(gen: number): Promise<void> {
    return this.store.confirm(this.sid, gen)
  }
}

interface Token {
  gen: number
  issuedUs: number
}

/** The token of a login. */
const FIRST: Token = { gen: 1, issuedUs: 0 }

function rowOf(outcome: RefreshOutcome): string {
  return 'row' in outcome ? `${outcome.outcome} ${outcome.row}` : outcome.outcome
}

/** What every store of sessions has to keep. */
export async function conformance(t: Test, open: (t: Test) => StoreUnderTest): Promise<void> {
  t.test('create', async (t) => {
    t.test('gives the session as it began', async (t) => {
      const { store, clock } = open(t)
      const given = newSession({ metadata: { device: 'phone' }, claims: { a: [1, { b: 'ü' }] } })
      const { session, nowMs, evicted } = await begin(store, given)
      t.equal(nowMs, clock.nowMs)
      t.same(evicted, [])
      t.match(session, {
        sid: given.sid,
        sub: given.sub,
        gen: 1,
        remember: true,
        claims: given.claims,
        metadata: { ip: '127.0.0.1', device: 'phone' },
        createdAt: new Date(clock.nowMs),
        lastUsedAt: new Date(clock.nowMs),
        endsAt: new Date(clock.nowMs + 90 * DAY)
      })
      isAbout(t, session.expiresAt.getTime(), clock.nowMs + 14 * DAY)
      t.same({ ...(await store.get(given.sid)), expiresAt: 0 }, { ...session, expiresAt: 0 })
      t.equal(await store.has(given.sid), true)
    })

    t.test('keeps what an identity brought over what a request brought', async (t) => {
      const { store } = open(t)
      const { session } = await begin(store, { metadata: { ip: 'mine' }, requestMetadata: { ip: 'theirs' } })
      t.same(session.metadata, { ip: 'mine' })
    })

    t.test('takes any subject', async (t) => {
      const { store } = open(t)
      for (const sub of ['{}', 'a b:c*?[]\\', 'ключ', '\u0000', '__proto__', 'x'.repeat(256)]) {
        const { session } = await begin(store, { sub })
        t.equal(session.sub, sub)
        t.same(
          (await store.list(sub)).map(({ sid }) => sid),
          [session.sid]
        )
      }
    })

    t.test('evicts the oldest by creation, however it was used since', async (t) => {
      const { store, advance } = open(t)
      const sub = newSession().sub
      const clients = []
      for (let i = 0; i < 3; i++) {
        // The absolute ends are in another order than the beginnings.
        const ttlMs = (30 - i) * DAY
        clients.push(await Client.login(store, {}, { sub, ttlMs, maxPerUser: 3 }))
        await advance(SECOND)
      }
      await clients[0]!.exchange(FIRST)
      const { evicted, session } = await begin(store, { sub, maxPerUser: 3 })
      t.same(
        evicted.map(({ sid, gen }) => [sid, gen]),
        [[clients[0]!.sid, 2]]
      )
      t.same(
        (await store.list(sub)).map(({ sid }) => sid),
        [clients[1]!.sid, clients[2]!.sid, session.sid],
        'oldest first'
      )
      t.same(await clients[0]!.present(2, 1), { outcome: 'revoked', reason: 'evicted' })
    })

    t.test('evicts several where the limit was lowered, and counts only the living', async (t) => {
      const { store, advance } = open(t)
      const sub = newSession().sub
      const sids = []
      for (let i = 0; i < 4; i++) {
        sids.push((await begin(store, { sub })).session.sid)
        await advance(1)
      }
      await store.revoke(sids[1]!, 'logout', newOperation())
      const { evicted } = await begin(store, { sub, maxPerUser: 2 })
      t.same(
        evicted.map(({ sid }) => sid),
        [sids[0], sids[2]]
      )
      const short = await begin(store, { sub, maxPerUser: 3, ttlMs: 5 * SECOND })
      await advance(6 * SECOND)
      t.same((await begin(store, { sub, maxPerUser: 3 })).evicted, [], 'the one that ended makes room')
      t.equal(await store.get(short.session.sid), null)
    })

    t.test('does not count what it replaces', async (t) => {
      const { store, advance } = open(t)
      const sub = newSession().sub
      const sids = []
      for (let i = 0; i < 2; i++) {
        sids.push((await begin(store, { sub })).session.sid)
        await advance(1)
      }
      const { evicted } = await begin(store, { sub, maxPerUser: 2, replaces: [sids[1]!, 'of another user'] })
      t.same(evicted, [])
      t.equal((await store.list(sub)).length, 3, 'it is ended afterwards')
    })

    t.test('that comes twice answers the second time as the first', async (t) => {
      const { store, advance } = open(t)
      const sub = newSession().sub
      await begin(store, { sub })
      await advance(1)
      const given = newSession({ sub, maxPerUser: 1 })
      const first = await begin(store, given)
      const second = await begin(store, given)
      t.equal(first.evicted.length, 1)
      t.same(
        second.evicted.map(({ sid }) => sid),
        first.evicted.map(({ sid }) => sid)
      )
      t.equal(second.session.sid, first.session.sid)
      t.equal((await store.list(sub)).length, 1)
    })

    t.test('that comes after its deadline does nothing, unless it came before', async (t) => {
      const { store, advance } = open(t)
      const sub = newSession().sub
      await begin(store, { sub })
      const deadlineMs = await store.now(sub)
      const given = newSession({ sub, maxPerUser: 2, deadlineMs })
      await begin(store, given)
      await advance(1)
      t.equal((await begin(store, given)).session.sid, given.sid, 'the same call, once more')
      const late = await store.create(newSession({ sub, maxPerUser: 1, deadlineMs }))
      t.same(late, { outcome: 'late', nowMs: await store.now(sub) })
      t.equal((await store.list(sub)).length, 2, 'none is evicted')
    })

    t.test('that comes after its revocation makes no session', async (t) => {
      const { store } = open(t)
      const given = newSession()
      await begin(store, given)
      await store.revoke(given.sid, 'revoked', newOperation())
      t.same(await store.create(given), { outcome: 'revoked', reason: 'revoked' })
      t.equal(await store.has(given.sid), false)
    })
  })

  t.test('the rule', async (t) => {
    t.test('row 1: a session that ended stays ended, and tells why', async (t) => {
      const { store } = open(t)
      for (const reason of ['logout', 'reuse', 'revoked', 'replaced', 'disabled', 'rollback'] as const) {
        const client = await Client.login(store)
        await store.revoke(client.sid, reason, newOperation())
        for (const gen of [1, 2, 3]) t.same(await client.present(gen, 0), { outcome: 'revoked', reason })
      }
    })

    t.test('row 1: what this process knows ends a session that the store still has', async (t) => {
      const { store, clock } = open(t)
      const client = await Client.login(store)
      const known = { reason: 'logout', expiresAtMs: clock.nowMs + HOUR } as const
      t.same(await client.present(1, 0, { known }), { outcome: 'revoked', reason: 'logout' })
      t.equal(await store.has(client.sid), false)
      t.same(await client.present(1, 0), { outcome: 'revoked', reason: 'logout' }, 'it is written again')
    })

    t.test('row 1: what this process knows is written again where the store lost all of it', async (t) => {
      const { store, clock, advance } = open(t)
      const client = new Client(store, await begin(open(t).store), {})
      t.same(await client.present(1, 0), { outcome: 'unknown' })
      const known = { reason: 'revoked', expiresAtMs: clock.nowMs + HOUR } as const
      await client.present(1, 0, { known })
      t.same(await client.present(1, 0), { outcome: 'revoked', reason: 'revoked' })
      await advance(HOUR + SECOND)
      t.same(await client.present(1, 0), { outcome: 'unknown' }, 'for as long as a token could live')
      const past = { reason: 'revoked', expiresAtMs: 0 } as const
      t.same(await client.present(1, 0, { known: past }), { outcome: 'revoked', reason: 'revoked' })
      t.same(await client.present(1, 0), { outcome: 'unknown' }, 'nothing is kept of what is over')
    })

    t.test('row 2: a session that nobody began', async (t) => {
      const { store } = open(t)
      const client = new Client(store, await begin(open(t).store), {})
      t.same(await client.present(1, 0), { outcome: 'unknown' })
      t.equal(await store.has(client.sid), false, 'and none is made')
    })

    t.test('row 4: the first refresh after a login rotates, at once', async (t) => {
      const { store, clock } = open(t)
      const client = await Client.login(store)
      const second = await client.exchange(FIRST)
      t.match(second, { outcome: 'rotated', row: 4, rollback: false, gen: 2, nowMs: clock.nowMs })
      t.ok(second.issuedUs > 0, 'the copy is later than the one before')
    })

    t.test('row 3: a generation rests for three times the grace after it was confirmed', async (t) => {
      const { store, advance } = open(t)
      const client = await Client.login(store)
      const second = await client.exchange(FIRST)
      await advance(HOUR)
      await client.confirm(2)
      await advance(3 * W - 1)
      const rest = await client.exchange(second)
      t.match(rest, { outcome: 'replayed', row: 3, gen: 2, issuedUs: second.issuedUs }, 'the same copy')
      await advance(1)
      t.match(await client.exchange(second), { outcome: 'rotated', row: 4, gen: 3 })
    })

    t.test(
      'row 3: an unconfirmed one rests from its minting, and is confirmed by being presented',
      async (t) => {
        const { store, advance } = open(t)
        const client = await Client.login(store)
        const second = await client.exchange(FIRST)
        await advance(3 * W - 1)
        t.equal(rowOf(await client.exchange(second)), 'replayed 3')
        await advance(W - 1)
        t.equal(rowOf(await client.present(1, 0)), 'replayed 7', 'generation 1 retired at that moment')
        await advance(1)
        t.equal(rowOf(await client.present(1, 0)), 'reused 8')
        await advance(2 * W - 1)
        t.equal(rowOf(await client.exchange(second)), 'replayed 3', 'the rest counts from there, too')
        await advance(1)
        t.equal(rowOf(await client.exchange(second)), 'rotated 4')
      }
    )

    t.test('row 3: an unconfirmed one rests from its last copy on', async (t) => {
      const { store, advance } = open(t)
      const client = await Client.login(store)
      const mine = await client.exchange(FIRST)
      await advance(HOUR)
      await client.exchange(FIRST)
      await advance(3 * W - 1)
      t.equal(rowOf(await client.exchange(mine)), 'replayed 3', 'whichever copy is presented')
      await advance(3 * W)
      t.equal(rowOf(await client.exchange(mine)), 'rotated 4')
    })

    t.test('who stays a generation ahead, and rotates before the other confirms, is found out', async (t) => {
      const { store, advance } = open(t)
      const client = await Client.login(store)
      let ahead: Token = await client.exchange(FIRST)
      let behind = FIRST
      const go = async (token: Token) => {
        const outcome = await client.present(token.gen, token.issuedUs)
        outcomes.push(outcome.outcome)
        return 'issuedUs' in outcome ? { gen: outcome.session.gen, issuedUs: outcome.issuedUs } : token
      }
      const outcomes: string[] = []
      for (let i = 0; i < 3; i++) {
        await advance(5 * 60 * SECOND)
        behind = await go(behind)
        await advance(100)
        ahead = await go(ahead)
        await advance(100)
        await client.confirm(behind.gen)
      }
      t.ok(outcomes.includes('reused'))
    })

    t.test('row 4: an unconfirmed one whose rest is over rotates from its minting', async (t) => {
      const { store, advance } = open(t)
      const client = await Client.login(store)
      const second = await client.exchange(FIRST)
      await advance(AFTER_REST)
      const third = await client.exchange(second)
      t.match(third, { outcome: 'rotated', row: 4, gen: 3 })
      await advance(W - 1)
      t.equal(rowOf(await client.present(1, 0)), 'replayed 7', 'generation 1 retired when 2 was presented')
      await advance(1)
      t.equal(rowOf(await client.present(1, 0)), 'reused 8')
    })

    t.test('row 6: the parent is good until the current one is confirmed, however late', async (t) => {
      const { store, advance } = open(t)
      const client = await Client.login(store)
      const second = await client.exchange(FIRST)
      await advance(10 * DAY)
      const copy = await client.exchange(FIRST)
      t.match(copy, { outcome: 'replayed', row: 6, gen: 2 })
      t.ok(copy.issuedUs > second.issuedUs, 'a new copy')
      await client.confirm(2)
      await advance(W - 1)
      const later = await client.exchange(FIRST)
      t.match(later, { outcome: 'replayed', row: 7, gen: 2 })
      t.ok(later.issuedUs > copy.issuedUs)
      await advance(1)
      t.match(await client.present(1, 0), { outcome: 'reused', row: 8, session: { sid: client.sid } })
    })

    t.test('row 6: not where untilConfirmed is off: then retirement counts from the minting', async (t) => {
      const { store, advance } = open(t)
      const client = await Client.login(store, { untilConfirmed: false })
      await client.exchange(FIRST)
      await advance(W - 1)
      t.equal(rowOf(await client.present(1, 0)), 'replayed 7')
      await client.confirm(2)
      await advance(1)
      t.equal(rowOf(await client.present(1, 0)), 'reused 8')
    })

    t.test('row 7: the grandparent has its grace, too; any older one has none', async (t) => {
      const { store, advance } = open(t)
      const client = await Client.login(store)
      const second = await client.exchange(FIRST)
      await advance(AFTER_REST)
      const third = await client.exchange(second)
      await client.confirm(3)
      t.equal(rowOf(await client.present(1, 0)), 'replayed 7')
      t.equal(rowOf(await client.present(2, second.issuedUs)), 'replayed 7')
      await advance(AFTER_REST)
      await client.exchange(third)
      t.equal(rowOf(await client.present(1, 0)), 'reused 8')
      t.equal(rowOf(await client.present(2, second.issuedUs)), 'reused 8')
    })

    t.test(
      'row 5: two jars: another copy than the one that was rotated, long after it was issued',
      async (t) => {
        const { store, advance } = open(t)
        const client = await Client.login(store)
        const mine = await client.exchange(FIRST)
        const thiefs = await client.exchange(FIRST)
        t.equal(rowOf(thiefs), 'replayed 6')
        await client.confirm(2)
        await advance(3 * W)
        await client.exchange(mine)
        t.match(await client.present(2, thiefs.issuedUs), { outcome: 'reused', row: 5 })
        t.equal(rowOf(await client.present(2, mine.issuedUs)), 'replayed 6', 'not the copy that was rotated')
      }
    )

    t.test('row 5: of the grandparent, too', async (t) => {
      const { store, advance } = open(t)
      const client = await Client.login(store)
      const mine = await client.exchange(FIRST)
      const thiefs = await client.exchange(FIRST)
      await client.confirm(2)
      await advance(3 * W)
      const third = await client.exchange(mine)
      await advance(3 * W)
      await client.exchange(third)
      t.equal(rowOf(await client.present(2, thiefs.issuedUs)), 'reused 5')
      t.equal(rowOf(await client.present(2, mine.issuedUs)), 'replayed 7')
    })

    t.test('row 8: any older generation', async (t) => {
      const { store, advance } = open(t)
      const client = await Client.login(store)
      let token: Token = FIRST
      for (let gen = 1; gen < 5; gen++) {
        token = await client.exchange(token)
        await advance(AFTER_REST)
      }
      for (const gen of [1, 2]) t.equal(rowOf(await client.present(gen, 0)), 'reused 8')
      t.equal(await store.has(client.sid), true, 'which changes nothing by itself')
      t.equal(rowOf(await client.present(5, token.issuedUs)), 'rotated 4')
    })

    t.test('row 9: a token ahead by one proves that a write was lost', async (t) => {
      const { store, advance } = open(t)
      const client = await Client.login(store)
      const adopted = await client.exchange({ gen: 2, issuedUs: 5 })
      t.match(adopted, { outcome: 'rotated', row: 9, rollback: true, gen: 3 })
      await advance(W - 1)
      t.equal(rowOf(await client.present(1, 0)), 'replayed 7', 'the one before has its grace from now')
      await advance(1)
      t.equal(rowOf(await client.present(1, 0)), 'reused 8')
      t.equal(rowOf(await client.present(2, 5)), 'replayed 6')
      t.match(await client.exchange(adopted), { row: 3, gen: 3 })
    })

    t.test('row 9: where untilConfirmed is off, the one before has its grace, too', async (t) => {
      const { store, advance } = open(t)
      const client = await Client.login(store, { untilConfirmed: false })
      await client.exchange({ gen: 2, issuedUs: 5 })
      await advance(W - 1)
      t.equal(rowOf(await client.present(1, 0)), 'replayed 7')
      await advance(1)
      t.equal(rowOf(await client.present(1, 0)), 'reused 8')
    })

    t.test('row 10: a token ahead by more is reported, or taken where that is accepted', async (t) => {
      const { store } = open(t)
      const client = await Client.login(store)
      t.match(await client.present(3, 0), { outcome: 'rolled-back', row: 10, session: { gen: 1 } })
      t.equal(rowOf(await client.exchange(FIRST)), 'rotated 4', 'which changed nothing')
      const accepted = await client.exchange({ gen: 9, issuedUs: 7 }, { rollback: 'accept' })
      t.match(accepted, { outcome: 'rotated', row: 10, rollback: true, gen: 10 })
    })

    t.test('the last generation ends the session, and never wraps', async (t) => {
      const { store, advance } = open(t)
      const client = await Client.login(store)
      const last = await client.exchange({ gen: 2 ** 32 - 2, issuedUs: 0 }, { rollback: 'accept' })
      t.equal(last.gen, 2 ** 32 - 1)
      await advance(AFTER_REST)
      t.match(await client.present(last.gen, last.issuedUs), {
        outcome: 'exhausted',
        session: { gen: last.gen }
      })
      t.equal(rowOf(await client.present(last.gen - 1, 0)), 'replayed 6', 'nothing was changed')
      const other = await Client.login(store)
      t.equal(rowOf(await other.present(2 ** 32 - 1, 0, { rollback: 'accept' })), 'exhausted')
    })

    t.test('without grace every refresh rotates, and a retired token is reuse at once', async (t) => {
      const { store, advance } = open(t)
      const client = await Client.login(store, { graceMs: 0, untilConfirmed: false })
      const second = await client.exchange(FIRST)
      const third = await client.exchange(second)
      t.match([second.gen, third.gen], [2, 3])
      t.equal(rowOf(await client.present(2, second.issuedUs)), 'reused 8')
      const patient = await Client.login(store, { graceMs: 0 })
      await patient.exchange(FIRST)
      await advance(DAY)
      t.equal(rowOf(await patient.present(1, 0)), 'replayed 6', 'unless it is unconfirmed')
    })

    t.test('asks before it replays a retired token, and then has changed nothing', async (t) => {
      const { store } = open(t)
      const client = await Client.login(store)
      const second = await client.exchange(FIRST)
      const ask = { askBeforeReplay: true }
      t.match(await client.present(1, 0, ask), { outcome: 'replayable', row: 6, session: { gen: 2 } })
      await client.confirm(2)
      t.match(await client.present(1, 0, ask), { outcome: 'replayable', row: 7 })
      t.equal(
        rowOf(await client.present(2, second.issuedUs, ask)),
        'replayed 3',
        'the current one is not asked for'
      )
    })

    t.test('a rotation that comes twice answers the second time as the first', async (t) => {
      const { store } = open(t)
      for (const [gen, row] of [
        [1, 4],
        [2, 9]
      ] as const) {
        const client = await Client.login(store)
        const operation = newOperation()
        const first = await client.exchange({ gen, issuedUs: 0 }, { operation })
        const copy = await client.exchange({ gen, issuedUs: 0 })
        t.equal(rowOf(copy), 'replayed 6')
        const second = await client.exchange({ gen, issuedUs: 0 }, { operation })
        t.match(second, { outcome: 'rotated', row, rollback: row === 9, gen: gen + 1 })
        t.equal(second.issuedUs, first.issuedUs, 'the very same copy')
      }
    })

    t.test('copies are issued at strictly increasing times, also within one microsecond', async (t) => {
      const { store } = open(t)
      const client = await Client.login(store)
      const times = []
      for (let i = 0; i < 5; i++) times.push((await client.exchange(FIRST)).issuedUs)
      t.same(times, [1, 2, 3, 4, 5])
    })

    t.test('50 at once with one token: one rotation, and all are answered', async (t) => {
      const { store } = open(t)
      const client = await Client.login(store)
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => client.present(1, 0)))
      const rows = outcomes.map(rowOf)
      t.equal(rows.filter((row) => row === 'rotated 4').length, 1)
      t.equal(rows.filter((row) => row === 'replayed 6').length, 49)
      t.equal((await store.get(client.sid))?.gen, 2)
    })
  })

  t.test('confirm', async (t) => {
    t.test('counts once, for the current generation alone', async (t) => {
      const { store, advance } = open(t)
      const client = await Client.login(store)
      await client.exchange(FIRST)
      await client.confirm(1)
      await client.confirm(3)
      await advance(W)
      t.equal(rowOf(await client.present(1, 0)), 'replayed 6')
      await client.confirm(2)
      await advance(W - 1)
      await client.confirm(2)
      await advance(1)
      t.equal(rowOf(await client.present(1, 0)), 'reused 8')
    })

    t.test('makes no session', async (t) => {
      const { store } = open(t)
      const { sid } = newSession()
      await store.confirm(sid, 1)
      t.equal(await store.has(sid), false)
    })
  })

  t.test('lifetimes', async (t) => {
    t.test('a session ends when it was idle, and each rotation starts that again', async (t) => {
      const { store, clock, advance } = open(t)
      const client = await Client.login(store, { idleMs: 2 * HOUR }, { idleMs: 2 * HOUR })
      await advance(1.5 * HOUR)
      const second = await client.exchange(FIRST)
      isAbout(t, second.session.expiresAt.getTime(), clock.nowMs + 2 * HOUR)
      await advance(1.5 * HOUR)
      t.equal(await store.has(client.sid), true)
      await client.exchange(FIRST)
      await advance(HOUR)
      t.same(await client.present(2, second.issuedUs), { outcome: 'unknown' }, 'a replay does not')
      t.equal(await store.get(client.sid), null)
      t.same(await store.list(client.sub), [])
    })

    t.test('no rotation extends the absolute end', async (t) => {
      const { store, clock, advance } = open(t)
      const endsMs = clock.nowMs + 3 * HOUR
      const client = await Client.login(store, { idleMs: 2 * HOUR }, { idleMs: 2 * HOUR, ttlMs: 3 * HOUR })
      await advance(1.5 * HOUR)
      const second = await client.exchange(FIRST)
      isAbout(t, second.session.expiresAt.getTime(), endsMs)
      t.equal(second.session.endsAt.getTime(), endsMs)
      await advance(1.5 * HOUR + SECOND)
      t.same(await client.present(2, second.issuedUs), { outcome: 'unknown' })
    })

    t.test('a session that is not to be remembered is idle for a day at the most', async (t) => {
      const { store, clock, advance } = open(t)
      const client = await Client.login(store, {}, { remember: false })
      isAbout(t, (await store.get(client.sid))!.expiresAt.getTime(), clock.nowMs + DAY)
      await advance(HOUR)
      const second = await client.exchange(FIRST)
      isAbout(t, second.session.expiresAt.getTime(), clock.nowMs + DAY)
      t.equal(second.session.remember, false)
      const brief = await Client.login(store, {}, { remember: false, idleMs: HOUR })
      isAbout(t, (await store.get(brief.sid))!.expiresAt.getTime(), clock.nowMs + HOUR)
    })

    t.test('the blacklist remembers for as long as a token could have lived', async (t) => {
      const { store, advance } = open(t)
      const client = await Client.login(store, {}, { idleMs: HOUR })
      await store.revoke(client.sid, 'logout', newOperation())
      await advance(HOUR - SECOND)
      t.same(await client.present(1, 0), { outcome: 'revoked', reason: 'logout' })
      await advance(2 * SECOND)
      t.same(await client.present(1, 0), { outcome: 'unknown' })
    })
  })

  t.test('a clock that was set back', async (t) => {
    t.test('takes stored times that lie ahead as now, and goes on from there', async (t) => {
      const { store, advance, skew } = open(t)
      const client = await Client.login(store)
      await advance(HOUR)
      const second = await client.exchange(FIRST)
      await client.confirm(2)
      await advance(SECOND)
      skew(-2 * HOUR)
      const copy = await client.exchange(FIRST)
      t.match(copy, { row: 7, gen: 2 })
      t.ok(copy.issuedUs > second.issuedUs, 'copies still increase')
      await advance(W - 1)
      t.equal(rowOf(await client.present(1, 0)), 'replayed 7', 'the clamped times were written')
      await advance(1)
      t.equal(rowOf(await client.present(1, 0)), 'reused 8')
      await advance(2 * W - 1)
      t.equal(rowOf(await client.exchange(second)), 'replayed 3')
      await advance(1)
      t.equal(rowOf(await client.exchange(second)), 'rotated 4')
    })

    t.test('does not spare a session from the end of all that there are', async (t) => {
      const { store, skew } = open(t)
      const { session } = await begin(store)
      skew(-HOUR)
      const createdUntilMs = await store.now(session.sub)
      const ended = await store.revokeAll(session.sub, 'logout', newOperation(), { createdUntilMs })
      t.equal(ended.length, 1)
    })

    t.test('gives a copy that is later than one that the store had lost', async (t) => {
      const { store } = open(t)
      const client = await Client.login(store)
      const lost = { gen: 2, issuedUs: 5 * SECOND * 1000 }
      t.equal((await client.exchange(lost)).issuedUs, lost.issuedUs + 1)
    })

    t.test('rewrites what lies ahead when the current token is replayed', async (t) => {
      const { store, advance, skew } = open(t)
      const client = await Client.login(store)
      await advance(HOUR)
      const second = await client.exchange(FIRST)
      await client.confirm(2)
      skew(-HOUR / 2)
      t.equal(rowOf(await client.exchange(second)), 'replayed 3')
      await advance(3 * W)
      t.equal(rowOf(await client.exchange(second)), 'rotated 4', 'the rest began with the replay')
    })

    t.test('a confirmation is not earlier than the minting', async (t) => {
      const { store, advance, skew } = open(t)
      const client = await Client.login(store)
      await advance(HOUR)
      await client.exchange(FIRST)
      skew(-HOUR / 2)
      await client.confirm(2)
      await advance(W - 1)
      t.equal(rowOf(await client.present(1, 0)), 'replayed 7')
      await advance(1)
      t.equal(rowOf(await client.present(1, 0)), 'reused 8')
    })
  })

  t.test('metadata', async (t) => {
    t.test('is replaced by a rotation, and by nothing else', async (t) => {
      const { store } = open(t)
      const client = await Client.login(store, {}, { metadata: { name: 'laptop' } })
      const rotated = await client.exchange(FIRST, { requestMetadata: { ip: '::1' } })
      t.same(rotated.session.metadata, { ip: '::1', name: 'laptop' })
      const replayed = await client.exchange(FIRST, { requestMetadata: { ip: '::2' } })
      t.same(replayed.session.metadata, { ip: '::1', name: 'laptop' })
    })

    t.test('a refresh that brings none keeps it', async (t) => {
      const { store } = open(t)
      const client = await Client.login(store)
      t.same((await client.exchange(FIRST)).session.metadata, { ip: '127.0.0.1' })
    })

    t.test('what a caller does to an answer stays with him', async (t) => {
      const { store } = open(t)
      const { session } = await begin(store)
      session.claims.roles = ['admin']
      session.metadata.ip = 'gone'
      const again = await store.get(session.sid)
      t.same([again?.claims, again?.metadata], [{ roles: ['reader'] }, { ip: '127.0.0.1' }])
    })
  })

  t.test('revoke', async (t) => {
    t.test('gives the session to the first who ends it', async (t) => {
      const { store } = open(t)
      const client = await Client.login(store)
      const ends = Array.from({ length: 5 }, () => store.revoke(client.sid, 'logout', newOperation()))
      const ended = (await Promise.all(ends)).filter((session) => session !== null)
      t.match(ended, [{ sid: client.sid, sub: client.sub, gen: 1, metadata: { ip: '127.0.0.1' } }])
      t.equal(ended.length, 1)
      t.equal(await store.has(client.sid), false)
      t.same(await store.list(client.sub), [])
    })

    t.test('that comes twice answers the second time as the first', async (t) => {
      const { store } = open(t)
      const client = await Client.login(store)
      const operation = newOperation()
      const first = await store.revoke(client.sid, 'logout', operation)
      t.match(first, { sid: client.sid })
      t.same(await store.revoke(client.sid, 'logout', operation), first)
    })

    t.test('of no session changes nothing', async (t) => {
      const { store } = open(t)
      const given = newSession()
      t.equal(await store.revoke(given.sid, 'logout', newOperation()), null)
      t.equal((await store.create(given)).outcome, 'created')
    })
  })

  t.test('revokeAll', async (t) => {
    t.test("ends all of a user's sessions but one, and nobody else's", async (t) => {
      const { store, advance } = open(t)
      const sub = newSession().sub
      const sids = []
      for (let i = 0; i < 3; i++) {
        sids.push((await begin(store, { sub })).session.sid)
        await advance(1)
      }
      const other = await begin(store)
      const ended = await store.revokeAll(sub, 'revoked', newOperation(), { except: sids[1]!, ...ALL })
      t.same(ended.map(({ sid }) => sid).sort(), [sids[0], sids[2]].sort())
      t.same(
        (await store.list(sub)).map(({ sid }) => sid),
        [sids[1]]
      )
      t.equal(await store.has(other.session.sid), true)
      t.equal((await store.revokeAll(sub, 'revoked', newOperation(), ALL)).length, 1)
      t.same(await store.revokeAll(sub, 'revoked', newOperation(), ALL), [])
    })

    t.test('spares what began since it was called', async (t) => {
      const { store, clock, advance } = open(t)
      const sub = newSession().sub
      const old = await begin(store, { sub })
      await advance(5 * SECOND)
      const until = { createdUntilMs: clock.nowMs - SECOND }
      t.equal(await store.now(sub), clock.nowMs)
      const recent = await begin(store, { sub })
      await advance(SECOND)
      const ended = await store.revokeAll(sub, 'logout', newOperation(), until)
      t.same(
        ended.map(({ sid }) => sid),
        [old.session.sid]
      )
      t.same(
        (await store.list(sub)).map(({ sid }) => sid),
        [recent.session.sid]
      )
    })

    t.test('that comes twice answers the second time as the first', async (t) => {
      const { store } = open(t)
      const { session } = await begin(store)
      const operation = newOperation()
      const first = await store.revokeAll(session.sub, 'logout', operation, ALL)
      t.equal(first.length, 1)
      t.same(await store.revokeAll(session.sub, 'logout', operation, ALL), first)
    })
  })

  t.test('users whose tags are the same are strangers', async (t) => {
    const { store } = open(t)
    // The first two of user-0, user-1, … for which the first four bytes of SHA-256 agree.
    const [sub, stranger] = ['user-20491', 'user-32057'] as const
    t.same(tagOf(sub), tagOf(stranger))
    const clients = [await Client.login(store, {}, { sub }), await Client.login(store, {}, { sub: stranger })]
    const [own] = clients as [Client]
    t.same(
      (await store.list(sub)).map(({ sid }) => sid),
      [own.sid]
    )
    await Client.login(store, {}, { sub, maxPerUser: 1 })
    t.equal((await store.list(stranger)).length, 1, 'nor evicted')
    t.equal((await store.revokeAll(sub, 'revoked', newOperation(), ALL)).length, 1)
    t.equal((await store.list(stranger)).length, 1)
    t.equal((await store.get((clients[1] as Client).sid))?.sub, stranger)
  })

  t.test('40 races of a refresh against a logout: the session never lives on', async (t) => {
    const { store } = open(t)
    for (let i = 0; i < 40; i++) {
      const client = await Client.login(store)
      const refresh = () => client.present(1, 0)
      const logout = () => store.revoke(client.sid, 'logout', newOperation())
      await Promise.all(i % 2 ? [refresh(), logout(), refresh()] : [logout(), refresh(), logout()])
      for (const gen of [1, 2, 3]) t.match(await client.present(gen, 0), { outcome: 'revoked' })
      t.equal(await store.has(client.sid), false)
    }
  })
}

/** Redis tells what is left of a lifetime by a clock that no test moves. */
function isAbout(t: Test, actualMs: number, expectedMs: number): void {
  t.ok(Math.abs(actualMs - expectedMs) < 5 * SECOND, `${new Date(actualMs).toISOString()} is about right`)
}

import { randomUUID } from 'node:crypto'
import t from 'tap'
import { RedisStore } from '../../../lib/index.js'
import { STATE_SIZE, SUFFIX_SIZE } from '../../../lib/store/redis/scripts/layout.js'
import { ALL_SESSIONS, DAY, HOUR } from '../../../lib/testing/conformance/assertions.js'
import { createSession, FIRST, TestClient } from '../../../lib/testing/conformance/test-client.js'
import { tagOf } from '../../../lib/tokens/session-id.js'
import { createIdempotencyKey } from '../../../lib/utils/random.js'
import { startRedis } from '../../support/redis-server.js'
import { openRedisStore } from '../../support/stores.js'

// The bytes of sessions in Redis: header, suffixes, states, slots. See lib/store/redis/scripts/layout.ts.

const HEADER_SIZE = 10
const FLAGS_AT = 0
const METADATA_SIZE_AT = 15
const UNSUPPORTED = /unsupported session format/

const redis = (await startRedis(t)).client()

function open() {
  const { store, advance, keyPrefix } = openRedisStore(redis)
  const keyOf = (sub: string) => `${keyPrefix}{${tagOf(sub)}}:s`
  const read = async (sub: string) => (await redis.getBuffer(keyOf(sub))) as Buffer
  return { store, advance, keyOf, read }
}

/** Returns a session id of a user with a suffix that the test chooses. */
function sidWith(sub: string, suffix: string): string {
  return tagOf(sub) + suffix.padEnd(SUFFIX_SIZE, '-')
}

/** The bytes of a state of the first, second, … session. */
function stateAt(bytes: Buffer, position: number): { from: number; to: number } {
  const from = HEADER_SIZE + bytes.readUIntBE(1, 3) * SUFFIX_SIZE + position * STATE_SIZE
  return { from, to: from + STATE_SIZE }
}

function changedBytes(before: Buffer, after: Buffer): number[] {
  t.equal(after.length, before.length)
  return [...before.keys()].filter((at) => before[at] !== after[at])
}

// From 5 sessions on some states, and from 51 on some suffixes, are beyond the first kilobyte.
for (const count of [1, 2, 5, 6, 9, 50, 51, 52, 120]) {
  t.test(`each of ${count} sessions is found, and changes only its own state`, async (t) => {
    const { store, read } = open()
    const sub = 'ada'
    const clients: TestClient[] = []
    for (let i = 0; i < count; i++)
      clients.push(await TestClient.login(store, {}, { sub, maxPerUser: count, requestMetadata: { i } }))
    for (const [i, client] of clients.entries()) {
      const before = await read(sub)
      const { session } = await client.exchange(FIRST)
      t.match(session, { sid: client.sid, gen: 2, metadata: { i } })
      await client.confirm(2)
      const { from, to } = stateAt(before, i)
      const changed = changedBytes(before, await read(sub))
      t.ok(
        changed.every((at) => at >= from + METADATA_SIZE_AT && at < to),
        `session ${i}: ${changed}`
      )
      t.equal(await store.has(client.sid), true)
      t.match(await store.get(client.sid), { sid: client.sid, gen: 2, metadata: { i } })
    }
    const listed = await store.list(sub)
    t.same(
      listed.map(({ sid }) => sid),
      clients.map(({ sid }) => sid)
    )
    const [middle] = clients.splice(count >> 1, 1) as [TestClient]
    const revoked = await store.revoke([middle.sid], 'logout', createIdempotencyKey())
    t.match(revoked, [{ sid: middle.sid, gen: 2, metadata: { i: count >> 1 } }])
    t.equal((await middle.present(2, 0)).outcome, 'revoked')
    for (const client of clients) t.match(await store.get(client.sid), { gen: 2 })
    const all = await store.revokeAll(sub, 'revoked', createIdempotencyKey(), ALL_SESSIONS)
    t.equal(all.length, count - 1)
    t.notOk(await read(sub))
  })
}

t.test('a session id is only found at the place of a session id', async (t) => {
  const { store } = open()
  const sub = 'ada'
  const metadata = { note: sidWith(sub, 'IN-METADATA') }
  for (const suffix of ['AAAAAAAAAABBBBBBBBBB', 'CCCCCCCCCCDDDDDDDDDD'])
    await createSession(store, { sub, sid: sidWith(sub, suffix), requestMetadata: metadata })
  for (const suffix of ['BBBBBBBBBBCCCCCCCCCC', 'IN-METADATA', 'AAAAAAAAAA', 'DDDDDDDDDDDDDDDDDDDD'])
    t.equal(await store.has(sidWith(sub, suffix)), false, suffix)
  t.equal(await store.has(sidWith(sub, 'CCCCCCCCCCDDDDDDDDDD')), true)
})

t.test(
  'request metadata of another size keeps the other sessions, and moves them at most once',
  async (t) => {
    const { store, read, advance } = open()
    const sub = 'ada'
    const other = await TestClient.login(store, {}, { sub, requestMetadata: { agent: 'other' } })
    const client = await TestClient.login(store, {}, { sub, requestMetadata: { agent: 'x'.repeat(20) } })
    const last = await TestClient.login(store, {}, { sub, requestMetadata: { agent: 'last' } })
    let token = FIRST
    const refresh = async (size: number) => {
      await advance(HOUR)
      const requestMetadata = { agent: 'y'.repeat(size) }
      const exchanged = await client.exchange(token, { requestMetadata })
      t.same(exchanged.session.metadata, requestMetadata)
      t.same((await store.get(client.sid))?.metadata, requestMetadata, `${size} characters`)
      t.same((await store.get(other.sid))?.metadata, { agent: 'other' })
      t.same((await store.get(last.sid))?.metadata, { agent: 'last' })
      token = exchanged
      return (await read(sub)).length
    }
    const small = (await read(sub)).length
    t.equal(await refresh(20), small, 'equal')
    t.equal(await refresh(3), small, 'shorter')
    t.equal(await refresh(20), small, 'as long as before')
    t.equal(await refresh(200), small + 180, 'longer')
    for (const size of [0, 200, 7, 150]) t.equal(await refresh(size), small + 180, 'the slot keeps its size')
    await refresh(0)
    // Long enough that the random bytes of the session ids never contain it.
    t.notOk((await read(sub)).includes('y'.repeat(10)), 'nothing is left of longer metadata')
    await last.exchange(FIRST)
  }
)

t.test('texts that do not fit are rejected, and nothing changes', async (t) => {
  const { store, read } = open()
  const sub = 'ada'
  const client = await TestClient.login(store, {}, { sub })
  const before = await read(sub)
  const requestMetadata = { agent: 'x'.repeat(70_000) }
  await t.rejects(createSession(store, { sub, requestMetadata }), /too large/)
  await t.rejects(client.exchange(FIRST, { requestMetadata }), /too large/)
  t.same(await read(sub), before)
})

t.test('the key expires at a full hour, when no session needs it any more', async (t) => {
  const { store, advance, keyOf } = open()
  const sub = 'ada'
  const hourOf = (ms: number) => Math.ceil(ms / HOUR) * HOUR
  const expectEnd = async (ms: number, name: string) => {
    const endMs = (await store.now(sub)) + (await redis.pttl(keyOf(sub)))
    // TTLs of Redis follow the real clock, and the clock of the test stands still.
    t.ok(endMs <= hourOf(ms) && endMs > hourOf(ms) - 60_000, `${name}: ${hourOf(ms) - endMs} ms before`)
  }
  const nowMs = await store.now(sub)
  const long = await TestClient.login(store, {}, { sub, idleMs: 10 * DAY })
  await expectEnd(nowMs + 10 * DAY, 'the first login')
  const short = await TestClient.login(store, { idleMs: DAY }, { sub, idleMs: DAY })
  await expectEnd(nowMs + 10 * DAY, 'a login with a shorter idle timeout')
  await advance(2 * HOUR)
  await short.exchange(FIRST)
  await expectEnd(nowMs + 10 * DAY, 'a refresh with a shorter idle timeout')
  await long.exchange(FIRST, { idleMs: 12 * DAY })
  await expectEnd(nowMs + 2 * HOUR + 12 * DAY, 'a refresh with a longer one')
  await store.revoke([long.sid], 'logout', createIdempotencyKey())
  await expectEnd(nowMs + 2 * HOUR + DAY, 'the logout of the session that lives longest')
  await advance(DAY + 1)
  t.same(await store.list(sub), [], 'the session expires before its key')
  t.equal(await store.has(short.sid), false)
  t.equal(await store.get(short.sid), null)
  t.equal((await short.present(2, 0)).outcome, 'unknown')
})

t.test('a session of a later release is an error, and nothing of it changes', async (t) => {
  const { store, read, keyOf } = open()
  const sub = 'ada'
  const later = await TestClient.login(store, {}, { sub })
  const own = await TestClient.login(store, {}, { sub })
  const before = await read(sub)
  const { from, to } = stateAt(before, 0)
  before.writeUInt8(4, from + FLAGS_AT)
  await redis.setrange(keyOf(sub), from + FLAGS_AT, before.subarray(from, from + 1))
  const calls: Record<string, () => Promise<unknown>> = {
    rotate: () => later.present(1, 0),
    confirm: () => later.confirm(1),
    update: () => store.update(later.sid, { name: 'phone' }),
    get: () => store.get(later.sid),
    has: () => store.has(later.sid),
    list: () => store.list(sub),
    revoke: () => store.revoke([later.sid], 'logout', createIdempotencyKey()),
    revokeAll: () => store.revokeAll(sub, 'revoked', createIdempotencyKey(), ALL_SESSIONS),
    'a login that would evict it': () => createSession(store, { sub, maxPerUser: 1 })
  }
  for (const [name, call] of Object.entries(calls)) await t.rejects(call, UNSUPPORTED, name)
  t.same(await read(sub), before)

  await own.exchange(FIRST)
  const grown = { agent: 'x'.repeat(300) }
  const next = await TestClient.login(store, {}, { sub })
  await next.exchange(FIRST, { requestMetadata: grown })
  t.equal((await store.revoke([next.sid], 'logout', createIdempotencyKey())).length, 1)
  const after = await read(sub)
  const kept = stateAt(after, 0)
  t.same(
    after.subarray(kept.from, kept.to),
    before.subarray(from, to),
    'other sessions are written around it'
  )
})

t.test('bytes that are no sessions are an error, and are kept', async (t) => {
  const { store, read, keyOf } = open()
  const sub = 'ada'
  const client = await TestClient.login(store, {}, { sub })
  const whole = await read(sub)
  for (const bytes of [whole.subarray(0, 5), Buffer.from('\x01old format')]) {
    await redis.set(keyOf(sub), bytes, 'KEEPTTL')
    await t.rejects(client.present(1, 0))
    await t.rejects(store.list(sub))
    await t.rejects(store.revoke([client.sid], 'logout', createIdempotencyKey()))
    await t.rejects(createSession(store, { sub, maxPerUser: 1 }))
    t.same(await read(sub), bytes)
  }
})

t.test('a full Redis rejects a refresh completely', async (t) => {
  const direct = (await startRedis(t, ['--maxmemory-policy', 'noeviction'])).client()
  const store = new RedisStore({ redis: direct, keyPrefix: `test:${randomUUID()}:` })
  const client = await TestClient.login(store, {}, { sub: 'ada', requestMetadata: { agent: 'one' } })
  const [key = ''] = await direct.keys('*:s')
  const before = await direct.getBuffer(key)
  await direct.config('SET', 'maxmemory', '1')
  for (const agent of ['two', 'longer than before'])
    await t.rejects(client.exchange(FIRST, { requestMetadata: { agent } }), /OOM/)
  t.same(await direct.getBuffer(key), before)
  await direct.config('SET', 'maxmemory', '0')
  await client.exchange(FIRST)
})

// Stops the server of this file.
t.end()

t.test('a line of the identity that a later release adds is ignored and kept', async (t) => {
  const { store, keyOf, read } = open()
  const client = await TestClient.login(
    store,
    {},
    { sub: 'ada', requestMetadata: {}, metadata: { later: '#' } }
  )
  const { metadata: _, ...session } = (await store.get(client.sid)) ?? {}
  // In place of the metadata of the login, which has as many bytes as the new line.
  const bytes = await read('ada')
  const line = '{"metadata":{"later":"#"}}'
  const added = `\n${'x'.repeat(line.length - 1)}`
  const text = bytes.toString('latin1')
  const end = text.lastIndexOf('{}')
  const changed = text.slice(0, end).replace(line, '') + added + text.slice(end)
  t.equal(changed.length, bytes.length)
  await redis.set(keyOf('ada'), Buffer.from(changed, 'latin1'), 'KEEPTTL')

  t.same(await store.get(client.sid), { ...session, metadata: {} })
  const authentication = { acr: 'otp' }
  t.match(await store.update(client.sid, { name: 'phone', authentication }), { name: 'phone', acr: 'otp' })
  t.match((await client.exchange(FIRST)).session, { name: 'phone', acr: 'otp', metadata: {} })
  t.match((await read('ada')).toString('latin1'), `${added}{}`)
})

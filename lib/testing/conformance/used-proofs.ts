import assert from 'node:assert/strict'
import type { RefreshOutcome, UsedProof } from '../../../types/session-store.js'
import { createIdempotencyKey } from '../../utils/random.js'
import { AFTER_COOLDOWN, assertContains, GRACE, HOUR } from './assertions.js'
import type { Cases, StoreFixture } from './fixture.js'
import { FIRST, newProof, newSession, rowOf, TestClient, type Token } from './test-client.js'

const MINUTE = HOUR / 60

/** A client that presents a token with a proof that it has used before. */
interface Replay {
  client: TestClient
  /** The proof of the client's first refresh. */
  proof: UsedProof
  token: Token
}

/** Logs in, and exchanges the first token with a proof. */
async function loginAndRefresh({ store }: Pick<StoreFixture, 'store'>) {
  const client = await TestClient.login(store, {}, { requestMetadata: { ip: '192.0.2.1' } })
  const proof = newProof()
  const second = await client.exchange(FIRST, { proof })
  return { client, proof, second }
}

/** By the row that decides without a used proof: brings a session into this state. */
const states: Record<string, (fixture: StoreFixture) => Promise<Replay>> = {
  'replayed 3': async (fixture) => {
    const { client, proof, second } = await loginAndRefresh(fixture)
    return { client, proof, token: second }
  },
  'rotated 4': async (fixture) => {
    const { client, proof, second } = await loginAndRefresh(fixture)
    await fixture.advance(AFTER_COOLDOWN)
    return { client, proof, token: second }
  },
  'reused 5': async (fixture) => {
    const { client, proof, second } = await loginAndRefresh(fixture)
    const otherCopy = await client.exchange(FIRST)
    await client.confirm(2)
    await fixture.advance(3 * GRACE)
    await client.exchange(second)
    return { client, proof, token: otherCopy }
  },
  'replayed 6': async (fixture) => {
    const { client, proof } = await loginAndRefresh(fixture)
    return { client, proof, token: FIRST }
  },
  'replayed 7': async (fixture) => {
    const { client, proof } = await loginAndRefresh(fixture)
    await client.confirm(2)
    return { client, proof, token: FIRST }
  },
  'conflict 7': async (fixture) => {
    const { client, proof } = await loginAndRefresh(fixture)
    await client.confirm(2)
    await fixture.advance(GRACE)
    return { client, proof, token: FIRST }
  },
  'reused 8': async (fixture) => {
    const { client, proof } = await loginAndRefresh(fixture)
    await client.confirm(2)
    await fixture.advance(3 * GRACE)
    return { client, proof, token: FIRST }
  },
  'rotated 9': async (fixture) => {
    const { client, proof, second } = await loginAndRefresh(fixture)
    return { client, proof, token: { gen: 3, issuedUs: second.issuedUs + 1 } }
  },
  'rolled-back 10': async (fixture) => {
    const { client, proof } = await loginAndRefresh(fixture)
    return { client, proof, token: { gen: 9, issuedUs: 1 } }
  }
}

/** Cases for proofs of sessions that are bound to a key (row 0). One proof exchanges one token. */
export const usedProofs: Cases = {
  'rotates once if two calls have the same proof': async ({ store }) => {
    const client = await TestClient.login(store)
    const proof = newProof()
    assert.equal(rowOf(await client.present(1, 0, { proof })), 'rotated 4')
    assert.deepEqual(await client.present(1, 0, { proof }), { outcome: 'proof-used' })
    assert.equal(
      rowOf(await client.present(1, 0, { proof: newProof() })),
      'replayed 6',
      'a retry has its own'
    )
  },

  'accepts one of 20 concurrent calls with the same proof': async ({ store }) => {
    const client = await TestClient.login(store)
    const proof = newProof()
    const calls = Array.from({ length: 20 }, () => client.present(1, 0, { proof }))
    const rows = (await Promise.all(calls)).map(rowOf).sort()
    assert.deepEqual(rows, [...Array(19).fill('proof-used'), 'rotated 4'])
  },

  'returns the first result if the call is sent again': async ({ store }) => {
    const client = await TestClient.login(store)
    const call = { proof: newProof(), idempotencyKey: createIdempotencyKey() }
    const first = await client.exchange(FIRST, call)
    const second = await client.exchange(FIRST, call)
    assertContains(second, { outcome: 'rotated', row: 4, gen: 2, issuedUs: first.issuedUs })
  },

  'accepts the second call of a replay that was reported first': async ({ store }) => {
    const { client } = await loginAndRefresh({ store })
    const call = { proof: newProof(), idempotencyKey: createIdempotencyKey() }
    assert.equal(rowOf(await client.present(1, 0, { ...call, reportReplayable: true })), 'replayable 6')
    assert.equal(rowOf(await client.present(1, 0, call)), 'replayed 6')
    assert.deepEqual(await client.present(1, 0, { proof: call.proof }), { outcome: 'proof-used' })
  },

  'changes nothing, whatever the row of the rotation rule, if another call has used the proof': async (
    fixture
  ) => {
    for (const [row, open] of Object.entries(states)) {
      const { client, proof, token } = await open(fixture)
      const present = (used: UsedProof): Promise<RefreshOutcome> =>
        client.present(token.gen, token.issuedUs, { proof: used, requestMetadata: { ip: '198.51.100.1' } })
      const before = await fixture.store.get(client.sid)
      assert.deepEqual(await present(proof), { outcome: 'proof-used' }, `instead of ${row}`)
      assert.deepEqual(await fixture.store.get(client.sid), before, `instead of ${row}`)
      assert.equal(rowOf(await present(newProof())), row)
    }
  },

  'rejects a used proof for another session of the user': async ({ store }) => {
    const proof = newProof()
    const sub = newSession().sub
    const clients = [await TestClient.login(store, {}, { sub }), await TestClient.login(store, {}, { sub })]
    const outcomes = []
    for (const client of clients) outcomes.push(rowOf(await client.present(1, 0, { proof })))
    assert.deepEqual(outcomes, ['rotated 4', 'proof-used'])
  },

  'forgets a proof after rememberMs': async ({ store, advance }) => {
    const client = await TestClient.login(store)
    const proof = newProof()
    await client.exchange(FIRST, { proof })
    // Not the exact time, because a database may count by its own clock.
    await advance(proof.rememberMs - MINUTE)
    assert.deepEqual(await client.present(1, 0, { proof }), { outcome: 'proof-used' })
    await advance(2 * MINUTE)
    assert.equal(rowOf(await client.present(1, 0, { proof })), 'replayed 6')
  },

  'uses a proof even if the session is revoked or unknown': async ({ store, clock }) => {
    const sub = newSession().sub
    const client = await TestClient.login(store, {}, { sub })
    const other = await TestClient.login(store, {}, { sub })
    const knownRevocation = { reason: 'logout', expiresAtMs: clock.nowMs + HOUR } as const
    const proof = newProof()
    const revoked = { outcome: 'revoked', reason: 'logout' }
    assert.deepEqual(await client.present(1, 0, { proof, knownRevocation }), revoked)
    assert.deepEqual(await client.present(1, 0, { proof, knownRevocation }), { outcome: 'proof-used' })
    assert.deepEqual(await client.present(1, 0, { proof: newProof() }), revoked)
    assert.deepEqual(await other.present(1, 0, { proof }), { outcome: 'proof-used' })
  }
}

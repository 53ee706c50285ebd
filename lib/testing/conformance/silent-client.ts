import assert from 'node:assert/strict'
import { ACCESS_TTL, AFTER_COOLDOWN, assertContains, DAY, GRACE } from './assertions.js'
import type { Cases, StoreFixture } from './fixture.js'
import { FIRST, newProof, rowOf, TestClient, type Token } from './test-client.js'

/** From the last copy or the confirmation on, whichever is later. */
const SILENCE = ACCESS_TTL + 3 * GRACE
/** The clock does not move while copies are issued, so that the copy of a rotation at once is 1 µs younger. */
const AFTER_SILENCE = SILENCE + 1

/** The client of a session that is bound to a key: each of its calls has a proof. */
class BoundClient {
  readonly #client: TestClient

  constructor(client: TestClient) {
    this.#client = client
  }

  present({ gen, issuedUs }: Token, rule = {}) {
    return this.#client.present(gen, issuedUs, { proof: newProof(), ...rule })
  }

  async row(token: Token, rule = {}) {
    return rowOf(await this.present(token, rule))
  }

  exchange(token: Token) {
    return this.#client.exchange(token, { proof: newProof() })
  }

  confirm(gen: number) {
    return this.#client.confirm(gen)
  }
}

/** Rotates the first token and confirms the second one. The response with the second token is then lost by the client. */
async function loseSecondToken({ store }: Pick<StoreFixture, 'store'>) {
  const client = new BoundClient(await TestClient.login(store))
  const second = await client.exchange(FIRST)
  await client.confirm(2)
  return { client, second }
}

/** Cases for a bound client that has lost its last token, as a browser that is killed does (row 7 of the rotation rule). */
export const silentClient: Cases = {
  'replays the last retired token when all access tokens of its successor have expired (row 7)': async (
    fixture
  ) => {
    const { client, second } = await loseSecondToken(fixture)
    await fixture.advance(AFTER_SILENCE - 1)
    assert.equal(await client.row(FIRST), 'reused 8', 'the client may have an access token')
    await fixture.advance(1)
    const copy = await client.exchange(FIRST)
    assertContains(copy, { outcome: 'replayed', row: 7, gen: 2, nowMs: fixture.clock.nowMs })
    assert.ok(copy.issuedUs > second.issuedUs, 'a new copy')
  },

  'counts the silence from the last copy (row 7)': async (fixture) => {
    const { client } = await loseSecondToken(fixture)
    await fixture.advance(GRACE - 1)
    await client.exchange(FIRST)
    await fixture.advance(SILENCE - 1)
    assert.equal(await client.row(FIRST), 'reused 8')
    await fixture.advance(1)
    assert.equal(await client.row(FIRST), 'replayed 7')
  },

  'counts the silence from the confirmation (row 7)': async ({ store, advance }) => {
    const client = new BoundClient(await TestClient.login(store))
    await client.exchange(FIRST)
    await advance(ACCESS_TTL)
    await client.confirm(2)
    await advance(SILENCE - 1)
    assert.equal(await client.row(FIRST), 'reused 8')
    await advance(1)
    assert.equal(await client.row(FIRST), 'replayed 7')
  },

  'detects reuse if the session is not bound (row 8)': async ({ store, advance }) => {
    const client = await TestClient.login(store)
    await client.exchange(FIRST)
    await client.confirm(2)
    await advance(10 * DAY)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
  },

  'detects reuse of a token that was retired earlier, and of another copy (rows 5 and 8)': async (
    fixture
  ) => {
    const { client, second } = await loseSecondToken(fixture)
    const otherCopy = await client.exchange(FIRST)
    await fixture.advance(3 * GRACE)
    await client.exchange(second)
    await client.confirm(3)
    await fixture.advance(DAY)
    assert.equal(await client.row(FIRST), 'reused 8')
    assert.equal(await client.row(otherCopy), 'reused 5')
    assert.equal(await client.row({ gen: 2, issuedUs: second.issuedUs + 9 }), 'reused 5')
    assert.equal(await client.row(second), 'replayed 7')
  },

  'repeats the rotation, so that retries and other tabs are replayed until the client confirms (row 6)':
    async (fixture) => {
      const { client } = await loseSecondToken(fixture)
      const { advance } = fixture
      await advance(AFTER_SILENCE)
      assert.equal(await client.row({ gen: 1, issuedUs: 1 }), 'reused 8', 'another copy')
      const copy = await client.exchange(FIRST)
      assert.equal(copy.session.lastUsedAt.getTime(), fixture.clock.nowMs)
      assert.equal(await client.row(FIRST), 'replayed 6')
      await advance(DAY)
      assert.equal(await client.row(FIRST), 'replayed 6')
      await client.confirm(2)
      assert.equal(await client.row(FIRST), 'replayed 7')
      await advance(GRACE)
      assert.equal(await client.row(FIRST), 'conflict 7')
      await advance(2 * GRACE)
      assert.equal(await client.row(FIRST), 'reused 8')
      assert.equal(await client.row(copy), 'rotated 4')
    },

  'repeats a rotation once, and the next one again (rows 7 and 8)': async (fixture) => {
    const { client } = await loseSecondToken(fixture)
    await fixture.advance(AFTER_SILENCE)
    const copy = await client.exchange(FIRST)
    await client.confirm(2)
    await fixture.advance(DAY)
    assert.equal(await client.row(FIRST), 'reused 8')
    await client.exchange(copy)
    await client.confirm(3)
    await fixture.advance(DAY)
    assert.equal(await client.row(copy), 'replayed 7')
  },

  'detects a second client that still has an earlier copy of the generation (row 5)': async (fixture) => {
    const { client, second } = await loseSecondToken(fixture)
    await fixture.advance(AFTER_SILENCE)
    const copy = await client.exchange(FIRST)
    assert.equal(await client.row(second), 'reused 5')
    assert.equal(await client.row(copy), 'replayed 3')
    await fixture.advance(AFTER_COOLDOWN)
    assert.equal(await client.row(second), 'reused 5')
    assert.equal(await client.row(copy), 'rotated 4')
    assert.equal(await client.row(second), 'reused 5')
  },

  'reports the token as replayable if reportReplayable is true (row 7)': async (fixture) => {
    const { client } = await loseSecondToken(fixture)
    await fixture.advance(AFTER_SILENCE)
    const reported = await client.present(FIRST, { reportReplayable: true })
    assertContains(reported, { outcome: 'replayable', row: 7, session: { gen: 2 } })
    assert.equal(await client.row(FIRST), 'replayed 7', 'nothing was changed')
  },

  'replays also if untilConfirmed is false, and then for a grace period (row 7)': async ({
    store,
    advance
  }) => {
    const client = new BoundClient(await TestClient.login(store))
    await client.exchange(FIRST)
    const rule = { untilConfirmed: false }
    await advance(AFTER_SILENCE - 1)
    assert.equal(await client.row(FIRST, rule), 'reused 8')
    await advance(1)
    assert.equal(await client.row(FIRST, rule), 'replayed 7')
    await advance(GRACE - 1)
    assert.equal(await client.row(FIRST, rule), 'replayed 7')
    await advance(1)
    assert.equal(await client.row(FIRST, rule), 'conflict 7')
  }
}

import assert from 'node:assert/strict'
import type { Claims } from '../../../types/session.js'
import type {
  CreateOutcome,
  NewSession,
  Refresh,
  RefreshOutcome,
  SessionStore,
  UsedProof
} from '../../../types/session-store.js'
import { createFamily, sidOf } from '../../tokens/session-id.js'
import { createIdempotencyKey } from '../../utils/random.js'
import { ACCESS_TTL, DAY, GRACE, HOUR } from './assertions.js'
import type { StoreFixture } from './fixture.js'

/** Returns the input of `store.create` for a new session of a new user. */
export function newSession(overrides: Partial<NewSession> = {}): NewSession {
  const sub = overrides.sub ?? `user ${createIdempotencyKey()}`
  return {
    sid: sidOf(createFamily(sub)),
    sub,
    ttlMs: 90 * DAY,
    idleMs: 14 * DAY,
    remember: true,
    claims: { roles: ['reader'] } as Claims,
    metadata: {},
    requestMetadata: { ip: '127.0.0.1' },
    authentication: {},
    maxPerUser: 100,
    evicts: true,
    replaces: [],
    ...overrides
  }
}

/** Returns a proof that no other call has used. */
export function newProof(): UsedProof {
  const id = `proof-${createIdempotencyKey()}${createIdempotencyKey()}`
  return { id, rememberMs: HOUR, accessTtlMs: ACCESS_TTL }
}

type Created = Extract<CreateOutcome, { outcome: 'created' }>
type Issued = Extract<RefreshOutcome, { issuedUs: number }>

export async function createSession(
  store: SessionStore,
  overrides: Partial<NewSession> = {}
): Promise<Created> {
  const created = await store.create(newSession(overrides))
  assert.ok(created.outcome === 'created', `not created: ${created.outcome}`)
  return created
}

/** Creates a session one millisecond later than the previous one. @returns the session id */
export async function createLaterSession(
  { store, advance }: Pick<StoreFixture, 'store' | 'advance'>,
  sub: string
): Promise<string> {
  await advance(1)
  return (await createSession(store, { sub })).session.sid
}

export interface Token {
  gen: number
  issuedUs: number
}

/** The refresh token of a login. */
export const FIRST: Token = { gen: 1, issuedUs: 0 }

/** A client of a store with one session. Presents refresh tokens and confirms generations. */
export class TestClient {
  readonly store: SessionStore
  readonly sid: string
  readonly sub: string
  readonly rule: Partial<Refresh>

  static async login(store: SessionStore, rule: Partial<Refresh> = {}, overrides: Partial<NewSession> = {}) {
    const { session } = await createSession(store, overrides)
    return new TestClient(store, session, rule)
  }

  /** Returns a client whose session does not exist. */
  static withoutSession(store: SessionStore) {
    return new TestClient(store, newSession(), {})
  }

  private constructor(
    store: SessionStore,
    { sid, sub }: { sid: string; sub: string },
    rule: Partial<Refresh>
  ) {
    this.store = store
    this.sid = sid
    this.sub = sub
    this.rule = rule
  }

  /** Returns a client with the same session, whose calls another store receives. */
  on(store: SessionStore): TestClient {
    return new TestClient(store, this, this.rule)
  }

  present(gen: number, issuedUs: number, rule: Partial<Refresh> = {}): Promise<RefreshOutcome> {
    return this.store.rotate({
      sid: this.sid,
      gen,
      issuedUs,
      graceMs: GRACE,
      untilConfirmed: true,
      rollback: 'accept-one',
      reportReplayable: false,
      idleMs: 14 * DAY,
      requestMetadata: null,
      idempotencyKey: createIdempotencyKey(),
      ...this.rule,
      ...rule
    })
  }

  /** Presents a token, asserts that it was accepted, and returns the issued token. */
  async exchange(token: Token, rule: Partial<Refresh> = {}): Promise<Token & Issued> {
    const outcome = await this.present(token.gen, token.issuedUs, rule)
    assert.ok('issuedUs' in outcome, `generation ${token.gen} was ${outcome.outcome}`)
    return { ...outcome, gen: outcome.session.gen }
  }

  confirm(gen: number): Promise<void> {
    return this.store.confirm(this.sid, gen)
  }
}

export function sidsOf(sessions: { sid: string }[]): string[] {
  return sessions.map(({ sid }) => sid)
}

/** Returns the outcome and the row of the rotation rule, such as `rotated 4`. */
export function rowOf(outcome: RefreshOutcome): string {
  return 'row' in outcome ? `${outcome.outcome} ${outcome.row}` : outcome.outcome
}

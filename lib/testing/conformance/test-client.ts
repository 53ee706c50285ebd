import assert from 'node:assert/strict'
import type { Claims } from '../../../types/session.js'
import type {
  CreateOutcome,
  NewSession,
  Refresh,
  RefreshOutcome,
  SessionStore
} from '../../../types/session-store.js'
import { createFamily, sidOf } from '../../tokens/session-id.js'
import { createIdempotencyKey } from '../../utils/random.js'
import { DAY, W } from './assertions.js'
import type { Subject } from './fixture.js'

export function newSession(given: Partial<NewSession> = {}): NewSession {
  const sub = given.sub ?? `user ${createIdempotencyKey()}`
  return {
    sid: sidOf(createFamily(sub)),
    sub,
    ttlMs: 90 * DAY,
    idleMs: 14 * DAY,
    remember: true,
    claims: { roles: ['reader'] } as Claims,
    metadata: {},
    requestMetadata: { ip: '127.0.0.1' },
    maxPerUser: 100,
    replaces: [],
    ...given
  }
}

type Created = Extract<CreateOutcome, { outcome: 'created' }>
type Issued = Extract<RefreshOutcome, { issuedUs: number }>

export async function begin(store: SessionStore, given: Partial<NewSession> = {}): Promise<Created> {
  const created = await store.create(newSession(given))
  assert.ok(created.outcome === 'created', `not created: ${created.outcome}`)
  return created
}

/** A session that begins a millisecond after the one before. @returns its sid */
export async function beginLater(
  { store, advance }: Pick<Subject, 'store' | 'advance'>,
  sub: string
): Promise<string> {
  await advance(1)
  return (await begin(store, { sub })).session.sid
}

export interface Token {
  gen: number
  issuedUs: number
}

/** The token of a login. */
export const FIRST: Token = { gen: 1, issuedUs: 0 }

/** A session, and what a client does with its tokens. */
export class Client {
  readonly store: SessionStore
  readonly sid: string
  readonly sub: string
  readonly rule: Partial<Refresh>

  static async login(store: SessionStore, rule: Partial<Refresh> = {}, given: Partial<NewSession> = {}) {
    const { session } = await begin(store, given)
    return new Client(store, session, rule)
  }

  /** Of a session that nobody began. */
  static stranger(store: SessionStore) {
    return new Client(store, newSession(), {})
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

  present(gen: number, issuedUs: number, rule: Partial<Refresh> = {}): Promise<RefreshOutcome> {
    return this.store.rotate({
      sid: this.sid,
      gen,
      issuedUs,
      graceMs: W,
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

  /** Presents a token that must be answered with another, and gives that. */
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

/** What a token was worth, and by which row of the rule. */
export function rowOf(outcome: RefreshOutcome): string {
  return 'row' in outcome ? `${outcome.outcome} ${outcome.row}` : outcome.outcome
}

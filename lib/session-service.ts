import type {
  AccessTokenClaims,
  Claims,
  Identity,
  RevocationReason,
  Session,
  Tokens
} from '../types/identity.js'
import { Background } from './background.js'
import type { Caller } from './caller.js'
import { Confirmations } from './confirmations.js'
import { errors } from './errors.js'
import { emit, eventOf } from './events.js'
import { resolveClaims, resolveIdentity, resolveMetadata } from './identity.js'
import { operationId } from './operation.js'
import type { ResolvedOptions } from './options/resolve.js'
import { RevokedSessions } from './revocation/revoked-sessions.js'
import { type Ended, Revoker } from './revocation/revoker.js'
import type { Issue, RefreshOutcome, SessionStore } from './store/session-store.js'
import { StoreCalls } from './store-calls.js'
import { type AccessTokens, isExpired } from './tokens/access-token.js'
import {
  createFamily,
  type Family,
  type RefreshToken,
  type RefreshTokenCodec,
  sidOf
} from './tokens/refresh-token.js'

export interface IssuedTokens extends Tokens {
  /** The same copy that the client presented: a cookie that is set again late could put an older one back. */
  isSameCopy: boolean
}

interface Parts {
  options: ResolvedOptions
  calls: StoreCalls
  background: Background
  revoker: Revoker
  confirmations: Confirmations
  refreshTokens: RefreshTokenCodec
  accessTokens: AccessTokens
}

export function createSessionService({
  options,
  store,
  ...tokens
}: Pick<Parts, 'options' | 'refreshTokens' | 'accessTokens'> & { store: SessionStore }): SessionService {
  const calls = new StoreCalls(store, options.storeTimeoutMs)
  const background = new Background()
  const revoked = new RevokedSessions(options.accessToken.ttlMs)
  const revoker = new Revoker(calls, background, revoked, options.session.ttlMs)
  const confirmations = new Confirmations(calls, background)
  return new SessionService({ options, calls, background, revoker, confirmations, ...tokens })
}

/** What a session goes through: it is begun, refreshed, proved and ended. Knows neither routes nor Redis. */
export class SessionService {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** @throws `FRT_ERR_INVALID_IDENTITY`, `FRT_ERR_STORE_UNAVAILABLE` */
  async create(given: Identity, caller: Caller): Promise<IssuedTokens> {
    const { options, calls, revoker } = this.#parts
    const { sub, claims, remember, metadata, ttlMs } = resolveIdentity(given)
    const family = createFamily(sub)
    const sid = sidOf(family)
    const created = await calls.ask(
      (store) =>
        store.create({
          sid,
          sub,
          ttlMs: Math.min(ttlMs ?? options.session.ttlMs, options.session.ttlMs),
          idleMs: options.refreshToken.ttlMs,
          remember,
          claims,
          metadata,
          requestMetadata: this.#metadataOf(caller) ?? {},
          maxPerUser: options.session.maxPerUser
        }),
      // Its client was told that there is no session: let there be none.
      (late) => {
        if (late.outcome === 'created') revoker.note(late.evicted, 'evicted', this.#onEnded(caller))
        void this.#endQuietly(sid, 'revoked', caller)
      }
    )
    if (created.outcome === 'revoked') throw new errors.SessionRevoked()
    revoker.note(created.evicted, 'evicted', this.#onEnded(caller))
    void emit(options, 'onLogin', eventOf(created.session), caller)
    return this.#issue(family, { ...created, issuedUs: 0 }, claims)
  }

  /**
   * Exchanges a refresh token, as the rule says.
   * @throws `FRT_ERR_REFRESH_TOKEN_EXPIRED`, `FRT_ERR_REFRESH_TOKEN_REUSED`, `FRT_ERR_SESSION_REVOKED`,
   * `FRT_ERR_STORE_UNAVAILABLE`
   */
  async refresh(token: RefreshToken, caller: Caller): Promise<IssuedTokens> {
    const claims = await this.#load(token, caller)
    const outcome = await this.#rotate(token, caller)
    switch (outcome.outcome) {
      case 'rotated':
      case 'replayed':
        this.#tellOfRefresh(outcome, caller)
        return this.#issue(token.family, outcome, claims ?? outcome.session.claims, token)
      case 'reused':
      case 'replayable':
        await this.#foundOut(outcome.session, 'reuse', outcome.row, caller)
        throw new errors.RefreshTokenReused()
      case 'rolled-back':
        await this.#foundOut(outcome.session, 'rollback', outcome.row, caller)
        throw new errors.SessionRevoked()
      case 'exhausted':
        await this.end(token.sid, 'revoked', caller)
        throw new errors.SessionRevoked()
      case 'revoked':
        throw outcome.reason === 'reuse' ? new errors.RefreshTokenReused() : new errors.SessionRevoked()
      case 'unknown':
        throw new errors.RefreshTokenExpired()
    }
  }

  /**
   * Verifies an access token, and that its session lives as far as `revocation.mode` asks.
   * @throws `FRT_ERR_ACCESS_TOKEN_INVALID`, `FRT_ERR_ACCESS_TOKEN_EXPIRED`, `FRT_ERR_SESSION_REVOKED`,
   * `FRT_ERR_STORE_UNAVAILABLE`
   */
  async verify(accessToken: string): Promise<AccessTokenClaims> {
    const { options, accessTokens, revoker, calls } = this.#parts
    const claims = accessTokens.verify(accessToken)
    if (!claims) throw new errors.AccessTokenInvalid()
    if (isExpired(claims, Date.now())) throw new errors.AccessTokenExpired()
    if (revoker.known(claims.sid)) throw new errors.SessionRevoked()
    if (options.revocation.mode === 'store' && !(await calls.ask((store) => store.has(claims.sid)))) {
      throw new errors.SessionRevoked()
    }
    return claims
  }

  /** The client has used an access token: it holds the pair. Nobody waits for the store to know. */
  confirm({ sid, gen }: AccessTokenClaims): void {
    this.#parts.confirmations.confirm(sid, gen)
  }

  /** @returns whether this call ended it */
  end(sid: string, reason: RevocationReason, caller: Caller): Promise<boolean> {
    return this.#parts.revoker.end(sid, reason, this.#onEnded(caller))
  }

  /** @returns how many sessions this call ended */
  endAll(sub: string, reason: RevocationReason, caller: Caller, except?: string): Promise<number> {
    return this.#parts.revoker.endAll(sub, reason, except, this.#onEnded(caller))
  }

  /** Ends what a new session replaces: a login does not fail for it. */
  async replace(tokens: RefreshToken[], caller: Caller): Promise<void> {
    await Promise.all(tokens.map(({ sid }) => this.#endQuietly(sid, 'replaced', caller)))
  }

  get(sid: string): Promise<Session | null> {
    return this.#parts.calls.ask((store) => store.get(sid))
  }

  list(sub: string): Promise<Session[]> {
    return this.#parts.calls.ask((store) => store.list(sub))
  }

  /** Gives up what is still to be tried again. */
  close(): void {
    this.#parts.background.close()
  }

  /** Fresh claims, before anything is rotated: a loader that throws has changed nothing. */
  async #load({ sid }: RefreshToken, caller: Caller): Promise<Claims | undefined> {
    const { load } = this.#parts.options.session
    const session = load && (await this.get(sid))
    // Without a session there is nothing to load for: the rule says what became of it.
    if (!session) return undefined
    const loaded = await load(session.sub, session)
    if (!loaded) {
      await this.end(sid, 'disabled', caller)
      throw new errors.SessionRevoked()
    }
    return loaded.claims && resolveClaims(loaded.claims, 'session.load().claims')
  }

  async #rotate(token: RefreshToken, caller: Caller): Promise<RefreshOutcome> {
    const { options, calls, revoker } = this.#parts
    const { graceMs, untilConfirmed, rollback, allowReplay, ttlMs } = options.refreshToken
    const refresh = {
      sid: token.sid,
      gen: token.gen,
      issuedUs: token.issuedUs,
      known: revoker.known(token.sid),
      graceMs,
      untilConfirmed,
      rollback,
      idleMs: ttlMs,
      requestMetadata: this.#metadataOf(caller),
      operation: operationId()
    }
    const askBeforeReplay = allowReplay !== undefined
    const outcome = await calls.ask((store) => store.rotate({ ...refresh, askBeforeReplay }))
    if (outcome.outcome !== 'replayable') return outcome
    if (!(await allowReplay?.(caller.request, outcome.session))) return outcome
    return calls.ask((store) => store.rotate({ ...refresh, askBeforeReplay: false }))
  }

  #issue(
    family: Family,
    { session, issuedUs, nowMs }: Issue,
    claims: Claims,
    presented?: RefreshToken
  ): IssuedTokens {
    const { refreshTokens, accessTokens } = this.#parts
    const { token, expiresIn } = accessTokens.sign(session, claims, nowMs)
    return {
      accessToken: token,
      expiresIn,
      refreshToken: refreshTokens.mint(family, session.gen, issuedUs),
      refreshTokenExpiresIn: Math.floor((session.expiresAt.getTime() - nowMs) / 1000),
      session,
      isSameCopy: presented?.gen === session.gen && presented.issuedUs === issuedUs
    }
  }

  #tellOfRefresh(
    refresh: Extract<RefreshOutcome, { outcome: 'rotated' | 'replayed' }>,
    caller: Caller
  ): void {
    const { outcome, row, session } = refresh
    const rollback = outcome === 'rotated' && refresh.rollback
    if (rollback) {
      const { sid, sub } = session
      caller.log.warn(
        { sid, sub, event: 'store_rollback' },
        'the session store had lost an acknowledged write'
      )
    }
    void emit(this.#parts.options, 'onRefresh', { ...eventOf(session), outcome, row, rollback }, caller)
  }

  /** Whoever is the first to end the session tells of the theft: once. */
  async #foundOut(
    session: Session,
    reason: 'reuse' | 'rollback',
    row: number,
    caller: Caller
  ): Promise<void> {
    await this.#parts.revoker.end(session.sid, reason, (ended) => {
      const { sid, sub } = ended
      caller.log.warn(
        { sid, sub, row, event: reason },
        'a refresh token was used that should not be: its session has ended'
      )
      void emit(this.#parts.options, 'onReuse', { ...eventOf(ended), reason, row }, caller)
    })
  }

  #onEnded(caller: Caller): Ended {
    return (session, reason) => {
      if (reason === 'reuse' || reason === 'rollback') return
      void emit(this.#parts.options, 'onLogout', { ...eventOf(session), reason }, caller)
    }
  }

  async #endQuietly(sid: string, reason: RevocationReason, caller: Caller): Promise<void> {
    try {
      await this.end(sid, reason, caller)
    } catch (err) {
      caller.log.warn({ err, sid }, 'a session could not be ended yet: it is tried again')
    }
  }

  #metadataOf({ request }: Caller) {
    if (!request) return null
    return resolveMetadata(this.#parts.options.session.metadata(request), 'session.metadata()')
  }
}

import type { AccessTokenClaims, Identity, RevocationReason, Session } from '../types/identity.js'
import type { Caller } from './caller.js'
import { errors } from './errors.js'
import { inTime } from './in-time.js'
import { createSession } from './service/create.js'
import { endQuietly, sessionRevoked, tellOfEnd } from './service/end.js'
import type { IssuedTokens } from './service/issue.js'
import type { Parts } from './service/parts.js'
import { refreshSession } from './service/refresh.js'
import type { FeedLog } from './store/revocation-feed.js'
import { isExpired } from './tokens/access-token.js'
import type { RefreshToken } from './tokens/refresh-token.js'

/** Fastify gives a plugin ten seconds. */
const CATCH_UP_MS = 3000

/**
 * What a session goes through: it is begun, refreshed, proved and ended. Knows neither routes nor Redis.
 * Any call may throw `FRT_ERR_STORE_UNAVAILABLE`; what was to be ended is then tried again.
 */
export class SessionService {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * Begins a session, and ends those that it replaces: once it exists, and without failing for it.
   * @throws `FRT_ERR_INVALID_IDENTITY`
   */
  async create(identity: Identity, caller: Caller, replaced: RefreshToken[] = []): Promise<IssuedTokens> {
    const sids = replaced.map(({ sid }) => sid)
    const tokens = await createSession(this.#parts, identity, caller, sids)
    await Promise.all(sids.map((sid) => endQuietly(this.#parts, sid, 'replaced', caller)))
    return tokens
  }

  /** @throws `FRT_ERR_REFRESH_TOKEN_EXPIRED`, `FRT_ERR_REFRESH_TOKEN_REUSED`, `FRT_ERR_SESSION_REVOKED` */
  refresh(token: RefreshToken, caller: Caller): Promise<IssuedTokens> {
    return refreshSession(this.#parts, token, caller)
  }

  /**
   * Verifies an access token, and that its session lives as far as `revocation.mode` asks.
   * @throws `FRT_ERR_ACCESS_TOKEN_INVALID`, `FRT_ERR_ACCESS_TOKEN_EXPIRED`, `FRT_ERR_SESSION_REVOKED`
   */
  verify(accessToken: string): AccessTokenClaims | Promise<AccessTokenClaims> {
    const { accessTokens, revoker } = this.#parts
    const claims = accessTokens.verify(accessToken)
    if (isExpired(claims, Date.now())) throw new errors.AccessTokenExpired()
    const known = revoker.known(claims.sid)
    if (known) throw sessionRevoked(known.reason)
    return this.#mustAskStore() ? this.#askStore(claims) : claims
  }

  #mustAskStore(): boolean {
    const { options, feed } = this.#parts
    const { mode, onStale } = options.revocation
    return mode === 'store' || (onStale === 'deny' && feed !== null && feed.isStale())
  }

  async #askStore(claims: AccessTokenClaims): Promise<AccessTokenClaims> {
    const isAlive = await this.#parts.calls.ask((store) => store.has(claims.sid))
    if (!isAlive) throw sessionRevoked('the store does not have it')
    return claims
  }

  /** The client has used an access token: it holds the pair. Nobody waits for the store to know. */
  confirm({ sid, gen }: AccessTokenClaims): void {
    this.#parts.confirmations.confirm(sid, gen)
  }

  /** @returns whether this call ended it */
  end(sid: string, reason: RevocationReason, caller: Caller): Promise<boolean> {
    return this.#parts.revoker.end(sid, reason, tellOfEnd(this.#parts, caller))
  }

  /** @returns how many sessions this call ended */
  endAll(sub: string, reason: RevocationReason, caller: Caller, except?: string): Promise<number> {
    return this.#parts.revoker.endAll(sub, reason, except, tellOfEnd(this.#parts, caller))
  }

  get(sid: string): Promise<Session | null> {
    return this.#parts.calls.ask((store) => store.get(sid))
  }

  list(sub: string): Promise<Session[]> {
    return this.#parts.calls.ask((store) => store.list(sub))
  }

  /**
   * Catches up with the revocation feed. Without it the process begins all the same, as stale: a store that
   * is down keeps nobody from starting.
   */
  async open(log: FeedLog): Promise<void> {
    const { feed } = this.#parts
    void this.#warnOfSettings(log)
    if (!feed) return
    try {
      await inTime(feed.follow(), CATCH_UP_MS, () => new Error(`not read within ${CATCH_UP_MS} ms`))
    } catch (err) {
      log.warn({ err, event: 'revocation_feed_stale' }, 'the revocation feed is not known yet')
    }
  }

  /** A store that does not say is left alone: it may be down, or its user may not ask. */
  async #warnOfSettings(log: FeedLog): Promise<void> {
    const { calls } = this.#parts
    const warnings = await calls.ask(async (store) => store.warnings?.()).catch(() => {})
    for (const warning of warnings ?? []) log.warn({ event: 'store_settings' }, warning)
  }

  /** Gives up what is still to be tried again. */
  close(): void {
    const { feed, background, calls } = this.#parts
    feed?.close()
    background.close()
    calls.close()
  }
}

import type { FastifyBaseLogger } from 'fastify'
import type { AccessTokenClaims, Identity, RevocationReason, Session } from '../../types/session.js'
import type { SessionStore } from '../../types/session-store.js'
import { errors } from '../errors.js'
import { isExpired } from '../tokens/access-token.js'
import type { RefreshToken } from '../tokens/refresh-token.js'
import { inTime } from '../utils/timeout.js'
import type { Caller } from './call-context.js'
import type { Parts } from './components.js'
import { createSession } from './create-session.js'
import type { IssuedTokens } from './issue-tokens.js'
import { isTraced, operations, trace } from './observability/diagnostics.js'
import { refreshSession } from './refresh-session.js'
import { endQuietly, sessionRevoked, tellOfEnd } from './revoke-session.js'

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

  get #keyPrefix(): string {
    return this.#parts.options.keyPrefix
  }

  /**
   * Begins a session, and ends those that it replaces: once it exists, and without failing for it.
   * @throws `FRT_ERR_INVALID_IDENTITY`
   */
  create(identity: Identity, caller: Caller, replaced: RefreshToken[] = []): Promise<IssuedTokens> {
    if (!isTraced(operations.create)) return this.#create(identity, caller, replaced)
    const work = () => this.#create(identity, caller, replaced)
    return trace(operations.create, { keyPrefix: this.#keyPrefix }, work, idsOf)
  }

  async #create(identity: Identity, caller: Caller, replaced: RefreshToken[]): Promise<IssuedTokens> {
    const sids = replaced.map(({ sid }) => sid)
    const tokens = await createSession(this.#parts, identity, caller, sids)
    await Promise.all(sids.map((sid) => endQuietly(this.#parts, sid, 'replaced', caller)))
    return tokens
  }

  /** @throws `FRT_ERR_REFRESH_TOKEN_EXPIRED`, `FRT_ERR_REFRESH_TOKEN_REUSED`, `FRT_ERR_SESSION_REVOKED` */
  refresh(token: RefreshToken, caller: Caller): Promise<IssuedTokens> {
    if (!isTraced(operations.refresh)) return refreshSession(this.#parts, token, caller)
    const message = { keyPrefix: this.#keyPrefix, sid: token.sid }
    return trace(operations.refresh, message, () => refreshSession(this.#parts, token, caller), idsOf)
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
    const isAlive = await this.#parts.calls.ask('has', (store) => store.has(claims.sid))
    if (!isAlive) throw sessionRevoked('the store does not have it')
    return claims
  }

  /** The client has used an access token: it holds the pair. Nobody waits for the store to know. */
  confirm({ sid, gen }: AccessTokenClaims): void {
    this.#parts.confirmations.confirm(sid, gen)
  }

  /** @returns whether this call ended it */
  end(sid: string, reason: RevocationReason, caller: Caller): Promise<boolean> {
    const end = () => this.#parts.revoker.end(sid, reason, tellOfEnd(this.#parts, caller))
    if (!isTraced(operations.end)) return end()
    const message = { keyPrefix: this.#keyPrefix, sid, reason }
    return trace(operations.end, message, end, (ended) => ({ ended }))
  }

  /** @returns how many sessions this call ended */
  endAll(sub: string, reason: RevocationReason, caller: Caller, except?: string): Promise<number> {
    const end = () => this.#parts.revoker.endAll(sub, reason, except, tellOfEnd(this.#parts, caller))
    if (!isTraced(operations.endAll)) return end()
    const message = { keyPrefix: this.#keyPrefix, sub, reason }
    return trace(operations.endAll, message, end, (ended) => ({ ended }))
  }

  get(sid: string): Promise<Session | null> {
    return this.#parts.calls.ask('get', (store) => store.get(sid))
  }

  list(sub: string): Promise<Session[]> {
    return this.#parts.calls.ask('list', (store) => store.list(sub))
  }

  /**
   * Catches up with the revocation feed. Without it the process begins all the same, as stale: a store that
   * is down keeps nobody from starting.
   */
  async open(log: FastifyBaseLogger): Promise<void> {
    const { feed, tellOfFeed } = this.#parts
    void this.#warnOfSettings(log)
    if (!feed) return
    const late = () => new Error(`not read within ${CATCH_UP_MS} ms`)
    await inTime(feed.follow(), CATCH_UP_MS, late).catch(({ message: reason }: Error) =>
      tellOfFeed({ state: 'stale', reason })
    )
  }

  async #warnOfSettings(log: FastifyBaseLogger): Promise<void> {
    const { calls } = this.#parts
    const warnings = await calls.ask('warnings', warningsOf).catch(() => [])
    for (const warning of warnings) log.warn({ event: 'store_settings' }, warning)
  }

  /** Gives up what is still to be tried again. */
  close(): void {
    const { feed, background, calls } = this.#parts
    feed?.close()
    background.close()
    calls.close()
  }
}

/** A store that does not say is left alone: its user may not ask. */
async function warningsOf(store: SessionStore): Promise<string[]> {
  try {
    return (await store.warnings?.()) ?? []
  } catch {
    return []
  }
}

function idsOf({ session: { sub, sid, gen } }: IssuedTokens) {
  return { sub, sid, gen }
}

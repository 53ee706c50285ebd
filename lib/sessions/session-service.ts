import type { FastifyBaseLogger } from 'fastify'
import type {
  AccessTokenClaims,
  Authentication,
  Identity,
  RevocationReason,
  Session
} from '../../types/session.js'
import type { SessionChange, SessionStore } from '../../types/session-store.js'
import { errors } from '../errors.js'
import type { SignedAccessToken } from '../tokens/access-token.js'
import type { Proof } from '../tokens/proof/proof.js'
import type { RefreshToken } from '../tokens/refresh-token.js'
import { withTimeout } from '../utils/timeout.js'
import type { CallContext } from './call-context.js'
import type { SessionComponents } from './components.js'
import { createSession, type Login } from './create-session.js'
import type { IssuedTokens } from './issue-tokens.js'
import type { SplitTokens } from './key-binding.js'
import { operations, trace } from './observability/diagnostics.js'
import { type RefreshRequest, refreshSession } from './refresh-session.js'
import { elevate, reissueAccessToken } from './reissue-access-token.js'
import { logoutEmitter, revokedError, revokeInBackground } from './revoke-session.js'

/** Shorter than the 10 s that Fastify gives a plugin to start. */
const INITIAL_READ_TIMEOUT_MS = 3000

/**
 * The session service: creates, refreshes, verifies, confirms and revokes sessions. It knows neither routes nor Redis.
 * Every method may throw `FRT_ERR_STORE_UNAVAILABLE`. A revocation is then retried in the background.
 */
export class SessionService {
  readonly #components: SessionComponents
  #endWatch: (() => void) | undefined

  constructor(components: SessionComponents) {
    this.#components = components
  }

  get #keyPrefix(): string {
    return this.#components.options.keyPrefix
  }

  /**
   * Creates a session, then revokes the sessions that it replaces. A failed revocation does not fail the login.
   * @throws {FRT_ERR_INVALID_IDENTITY} if the identity is invalid
   */
  create(
    identity: Identity,
    context: CallContext,
    { replaces, proof }: Login = { replaces: [], proof: null }
  ): Promise<IssuedTokens> {
    const create = async () => {
      const tokens = await createSession(this.#components, identity, context, { replaces, proof })
      await revokeInBackground(this.#components, replaces, 'replaced', context)
      return tokens
    }
    return trace(operations.create, { keyPrefix: this.#keyPrefix }, create, idsOf)
  }

  /**
   * Exchanges a refresh token for new tokens.
   * @throws {FRT_ERR_INVALID_SCOPE} if the session does not have the scope. Nothing was rotated
   * @throws {FRT_ERR_PROOF_REQUIRED} or another error of `KeyBinding.requireKey`. The store was not queried
   * @throws {FRT_ERR_REFRESH_TOKEN_EXPIRED} if the session expired or is unknown
   * @throws {FRT_ERR_REFRESH_TOKEN_REUSED} if the token was used before, or the session was revoked for reuse
   * @throws {FRT_ERR_SESSION_REVOKED} if the session was revoked for another reason
   */
  refresh(token: RefreshToken, context: CallContext, request?: RefreshRequest): Promise<IssuedTokens> {
    const message = { keyPrefix: this.#keyPrefix, sid: token.sid }
    const refresh = () => refreshSession(this.#components, token, context, request)
    return trace(operations.refresh, message, refresh, idsOf)
  }

  /**
   * Returns the tokens whose session is active, by one call of the store for each. A session that this process has seen
   * revoked needs no call, and is not active even if the store lost the revocation.
   */
  async withoutEnded(tokens: RefreshToken[]): Promise<RefreshToken[]> {
    const { revoker, storeClient } = this.#components
    const unrevoked = tokens.filter(({ sid }) => !revoker.findRevocation(sid))
    const isActive = await Promise.all(
      unrevoked.map(({ sid }) => storeClient.call('has', (store) => store.has(sid)))
    )
    return unrevoked.filter((_token, at) => isActive[at])
  }

  /**
   * Verifies an access token, and checks the session to the degree that `revocation.mode` asks for. Returns a promise
   * only if the store must be queried: by that option, or because the clocks disagree about the expiry.
   * @throws {FRT_ERR_ACCESS_TOKEN_INVALID} if the signature or the claims are invalid
   * @throws {FRT_ERR_ACCESS_TOKEN_EXPIRED} if the token has expired
   * @throws {FRT_ERR_SESSION_REVOKED} if the session was revoked
   */
  verify(accessToken: string): AccessTokenClaims | Promise<AccessTokenClaims> {
    const { accessTokens, tokenClock, revoker } = this.#components
    const claims = accessTokens.verify(accessToken)
    const expired = tokenClock.expiryOf(claims)
    if (expired.byWallClock) throw new errors.AccessTokenExpired()
    const revocation = revoker.findRevocation(claims.sid)
    if (revocation) throw revokedError(revocation.reason)
    if (expired.byFormerClock || expired.byStoreClock) return this.#checkExpiry(claims)
    return this.#mustCheckStore() ? this.#checkStore(claims) : claims
  }

  /**
   * Decides by the store if the clocks disagree. The session is checked as well, because this process forgets a revocation
   * when the tokens of its session have expired.
   */
  async #checkExpiry(claims: AccessTokenClaims): Promise<AccessTokenClaims> {
    const { storeClient, storeClock, tokenClock } = this.#components
    const nowMs = await storeClient.call('now', (store) => store.now(claims.sub))
    storeClock.sync(nowMs)
    if (tokenClock.isExpired(claims, nowMs)) throw new errors.AccessTokenExpired()
    return this.#checkStore(claims)
  }

  #mustCheckStore(): boolean {
    const { options, feed } = this.#components
    const { mode, onStale } = options.revocation
    return mode === 'store' || (onStale === 'deny' && feed !== null && feed.isStale())
  }

  async #checkStore(claims: AccessTokenClaims): Promise<AccessTokenClaims> {
    const exists = await this.#components.storeClient.call('has', (store) => store.has(claims.sid))
    if (!exists) throw revokedError('the session is not in the store')
    return claims
  }

  /** Confirms that the client holds the tokens of a generation, because it used the access token. Does not wait. */
  confirm({ sid, gen }: AccessTokenClaims): void {
    this.#components.confirmations.confirm(sid, gen)
  }

  /**
   * Separates the refresh tokens that a request may use from those of bound sessions without a proof of the key.
   * @param readProof is called only if a session is bound
   */
  splitByKey(tokens: RefreshToken[], readProof: () => Proof | null, context: CallContext): SplitTokens {
    return this.#components.keyBinding.split(tokens, readProof, context)
  }

  /** Revokes the sessions of the tokens that a client presented. */
  async logOut(sids: string[], context: CallContext): Promise<void> {
    const unsettled = this.#components.revoker.withoutSettled(sids)
    if (unsettled.length > 0) await this.revoke(unsettled, 'logout', context)
  }

  /** @returns the number of sessions that this call revoked */
  revoke(sids: string[], reason: RevocationReason, context: CallContext): Promise<number> {
    const { revoker } = this.#components
    const message = { keyPrefix: this.#keyPrefix, sids, reason }
    const revoke = () => revoker.revoke(sids, reason, logoutEmitter(this.#components, context))
    return trace(operations.revoke, message, revoke, (revoked) => ({ revoked }))
  }

  /** @returns the number of sessions that this call revoked */
  revokeAll(sub: string, reason: RevocationReason, context: CallContext, except?: string): Promise<number> {
    const { revoker } = this.#components
    const message = { keyPrefix: this.#keyPrefix, sub, reason }
    const revokeAll = () => revoker.revokeAll(sub, reason, except, logoutEmitter(this.#components, context))
    return trace(operations.revokeAll, message, revokeAll, (revoked) => ({ revoked }))
  }

  /** @returns `null` if there is no active session with this id */
  update(sid: string, change: SessionChange): Promise<Session | null> {
    return this.#components.storeClient.call('update', (store) => store.update(sid, change))
  }

  /**
   * Returns a new access token for the session of an access token that `verify` returned. It does not last longer.
   * @throws {FRT_ERR_SESSION_REVOKED} if the session has ended
   */
  reissue(user: AccessTokenClaims, context: CallContext): Promise<SignedAccessToken> {
    return reissueAccessToken(this.#components, user, context)
  }

  /**
   * Records that the user has authenticated again, and returns a new access token like `reissue`.
   * @throws {FRT_ERR_INVALID_IDENTITY} if the authentication is invalid
   */
  elevate(
    user: AccessTokenClaims,
    authentication: Authentication,
    context: CallContext
  ): Promise<SignedAccessToken> {
    return elevate(this.#components, user, authentication, context)
  }

  /**
   * The time for the age of an authentication, in milliseconds since the epoch. The later one of two clocks, because one that
   * is behind must not make an authentication recent.
   */
  nowMs(): number {
    const { options, storeClock } = this.#components
    const wallMs = Date.now() - options.accessToken.clockToleranceMs
    return storeClock.isSynced ? Math.max(wallMs, storeClock.toStoreTime(performance.now())) : wallMs
  }

  get(sid: string): Promise<Session | null> {
    return this.#components.storeClient.call('get', (store) => store.get(sid))
  }

  list(sub: string): Promise<Session[]> {
    return this.#components.storeClient.call('list', (store) => store.list(sub))
  }

  /**
   * Reads the revocation feed once before the application accepts requests. If the store is down, the application starts
   * anyway with a stale feed. Without a feed it only watches for a server that was replaced, and does not wait.
   */
  async open(log: FastifyBaseLogger): Promise<void> {
    const { feed, onFeedEvent, watchMaster } = this.#components
    void this.#logStoreWarnings(log)
    if (!feed) {
      this.#endWatch = watchMaster()
      return
    }
    const onTimeout = () => new Error(`not read within ${INITIAL_READ_TIMEOUT_MS} ms`)
    await withTimeout(feed.follow(), INITIAL_READ_TIMEOUT_MS, onTimeout).catch(({ message: reason }: Error) =>
      onFeedEvent({ state: 'stale', reason })
    )
  }

  async #logStoreWarnings(log: FastifyBaseLogger): Promise<void> {
    const warnings = await this.#components.storeClient.call('warnings', warningsOf).catch(() => [])
    for (const warning of warnings) log.warn({ event: 'store_settings' }, warning)
  }

  /** Stops the feed or the watch, and all retries. */
  close(): void {
    const { feed, storeClient } = this.#components
    feed?.close()
    this.#endWatch?.()
    storeClient.close()
  }
}

/** Ignores errors: the Redis user may lack the permission to read settings. */
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

import type { Claims, RevocationReason, Session } from '../../types/session.js'
import type { RefreshOutcome, SessionStore, UsedProof } from '../../types/session-store.js'
import { errors } from '../errors.js'
import type { ResolvedOptions } from '../options/resolve.js'
import { invalidProof } from '../tokens/proof/invalid-proof.js'
import type { Proof } from '../tokens/proof/proof.js'
import type { RefreshToken } from '../tokens/refresh-token.js'
import { narrowScope } from '../tokens/scope.js'
import { booleanResult } from '../utils/callback-results.js'
import { createIdempotencyKey } from '../utils/random.js'
import type { CallContext } from './call-context.js'
import { withClientId } from './client-id.js'
import type { SessionComponents } from './components.js'
import { type IssuedTokens, issueTokens } from './issue-tokens.js'
import { proofLifetimeMs } from './key-binding.js'
import { loadClaims } from './load-claims.js'
import {
  emitConflict,
  emitRefresh,
  emitReuse,
  type SuccessfulRefresh
} from './observability/session-events.js'
import { requestMetadata } from './request-metadata.js'
import { logoutEmitter, revokedError } from './revoke-session.js'

/** What a request contains besides the refresh token. */
export interface RefreshRequest {
  /** The scopes that the access token may have, separated by spaces. Without it, all scopes of the session. */
  scope?: string | undefined
  /** The proof of the client's key. Only a bound session needs one. */
  proof?: Proof | null
}

/**
 * Exchanges a refresh token. The store applies the rotation rule. This function maps its outcome to tokens, events and
 * errors.
 *
 * Row 0 comes first: an attacker without the key of a bound session learns and changes nothing.
 */
export async function refreshSession(
  components: SessionComponents,
  token: RefreshToken,
  context: CallContext,
  { scope, proof = null }: RefreshRequest = {}
): Promise<IssuedTokens> {
  const { options, revoker, storeClock, keyBinding, confirmations } = components
  keyBinding.requireKey(token, proof, context)
  const reason = revoker.pendingReason(token.sid)
  if (reason) throw errorFor(reason)
  const mustReadClaims = options.session.load !== undefined || scope !== undefined
  const claims = mustReadClaims ? await readClaims(components, token, context, scope) : undefined
  const idempotencyKey = createIdempotencyKey()
  const outcome = await rotate(components, token, { idempotencyKey, proof }, context)
  switch (outcome.outcome) {
    case 'rotated':
    case 'replayed': {
      storeClock.sync(outcome.nowMs)
      if (outcome.row === 7) confirmations.forget(token.sid)
      // Before the event, because a replay with a scope that the session does not have is an error.
      const granted = narrowScope(claims ?? outcome.session.claims, scope)
      emitRefresh(options, outcome, idempotencyKey, context)
      if (options.durability.rotate) await waitForReplicas(components, outcome)
      const tokenClaims = withClientId(granted, options.accessToken.clientId, () => outcome.session)
      return issueTokens(components, token, outcome, tokenClaims, token)
    }
    case 'conflict':
      emitConflict(options, outcome, idempotencyKey, context)
      throw conflictError(outcome.retryAfterMs)
    case 'reused':
    case 'replayable':
      await revokeCompromised(components, outcome.session, 'reuse', outcome.row, context)
      throw new errors.RefreshTokenReused()
    case 'rolled-back':
      await revokeCompromised(components, outcome.session, 'rollback', outcome.row, context)
      throw revokedError('rollback')
    case 'exhausted':
      await revoker.revoke([token.sid], 'revoked', logoutEmitter(components, context))
      throw revokedError('the session has no generations left')
    case 'revoked':
      throw errorFor(outcome.reason)
    case 'proof-used':
      return invalidProof('another process used the proof')
    case 'unknown':
      throw new errors.RefreshTokenExpired()
  }
}

function errorFor(reason: RevocationReason): Error {
  return reason === 'reuse' ? new errors.RefreshTokenReused() : revokedError(reason)
}

/** An error whose `Retry-After` is the rest of the window. A client that holds only this token must wait that long. */
function conflictError(retryAfterMs: number): Error {
  return Object.assign(new errors.RefreshConflict(), { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) })
}

/**
 * Returns the claims of the session before the rotation, so that a loader that throws, or a scope that the session does
 * not have, has changed nothing.
 */
async function readClaims(
  components: SessionComponents,
  { sid, gen }: RefreshToken,
  context: CallContext,
  scope: string | undefined
): Promise<Claims | undefined> {
  const session = await components.storeClient.call('get', (store) => store.get(sid))
  // Without a session there are no claims. The rotation returns the reason.
  if (!session) return undefined
  const claims = await loadClaims(components, session, context)
  // The store first decides about a retired token, which is not rotated, so that reuse is detected with any scope.
  if (gen >= session.gen) narrowScope(claims, scope)
  return claims
}

/** Rotates in the store. With `allowReplay` a replay takes two calls. Returns `replayable` if that option rejected it. */
async function rotate(
  components: SessionComponents,
  token: RefreshToken,
  { idempotencyKey, proof }: { idempotencyKey: string; proof: Proof | null },
  context: CallContext
): Promise<RefreshOutcome> {
  const { options, storeClient, revoker } = components
  const { graceMs, untilConfirmed, rollback, allowReplay, ttlMs } = options.refreshToken
  const refresh = {
    sid: token.sid,
    gen: token.gen,
    issuedUs: token.issuedUs,
    knownRevocation: revoker.findRevocation(token.sid),
    graceMs,
    untilConfirmed,
    rollback,
    idleMs: ttlMs,
    requestMetadata: requestMetadata(options.session.metadata, context),
    idempotencyKey,
    reportReplayable: allowReplay !== undefined,
    proof: token.jkt !== null && proof ? usedProof(proof, options) : undefined
  }
  const outcome = await storeClient.call('rotate', (store) => store.rotate(refresh))
  if (outcome.outcome !== 'replayable' || !allowReplay) return outcome
  const isAllowed = await allowReplay(context.request, outcome.session)
  if (!booleanResult(isAllowed, 'option "refreshToken.allowReplay"')) return outcome
  return storeClient.call('rotate', (store) => store.rotate({ ...refresh, reportReplayable: false }))
}

function usedProof({ id }: Proof, { binding, accessToken }: ResolvedOptions): UsedProof {
  return { id, rememberMs: proofLifetimeMs(binding), accessTtlMs: accessToken.ttlMs }
}

/**
 * Waits until the generation survives a failover. If the request fails, the client does not have the new token, and the old
 * one is exchanged again by row 6, whenever that is.
 *
 * In row 3 the client already has the token. In row 7 it has a limited time for another attempt, and a failover that loses
 * this generation is harmless: the one before it is confirmed, so it is durable, and row 9 accepts the next one.
 */
async function waitForReplicas(
  { storeClient }: SessionComponents,
  { row, session: { sid, gen } }: SuccessfulRefresh
): Promise<void> {
  if (row === 3 || row === 7) return
  const wait = async (store: SessionStore) => store.waitForReplicas?.({ sid, gen })
  const reason = await storeClient.call('waitForReplicas', wait)
  if (reason) throw errorFor(reason)
}

/** Revokes a session whose refresh token was reused. Only the call that revoked it emits the event. */
async function revokeCompromised(
  { options, revoker }: SessionComponents,
  session: Session,
  reason: 'reuse' | 'rollback',
  row: number,
  context: CallContext
): Promise<void> {
  await revoker.revoke([session.sid], reason, (revoked) =>
    emitReuse(options, revoked, { reason, row }, context)
  )
}

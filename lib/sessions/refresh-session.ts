import type { Claims, RevocationReason, Session } from '../../types/session.js'
import type { RefreshOutcome } from '../../types/session-store.js'
import { errors } from '../errors.js'
import type { RefreshToken } from '../tokens/refresh-token.js'
import { operationId } from '../utils/random.js'
import type { Caller } from './call-context.js'
import type { Parts } from './components.js'
import { resolveClaims } from './identity.js'
import { type IssuedTokens, issueTokens } from './issue-tokens.js'
import { tellOfRefresh, tellOfReuse } from './observability/session-events.js'
import { metadataOf } from './request-metadata.js'
import { sessionRevoked, tellOfEnd } from './revoke-session.js'

/** Exchanges a refresh token: what it is worth is the store's to say, what follows from that is here. */
export async function refreshSession(
  parts: Parts,
  token: RefreshToken,
  caller: Caller
): Promise<IssuedTokens> {
  const reason = parts.revoker.ending(token.sid)
  if (reason) throw ended(reason)
  const claims = await loadClaims(parts, token, caller)
  const outcome = await rotate(parts, token, caller)
  switch (outcome.outcome) {
    case 'rotated':
    case 'replayed':
      parts.storeClock.learn(outcome.nowMs)
      tellOfRefresh(parts, outcome, caller)
      return issueTokens(parts, token.family, outcome, claims ?? outcome.session.claims, token)
    case 'reused':
    case 'replayable':
      await endStolen(parts, outcome.session, 'reuse', outcome.row, caller)
      throw new errors.RefreshTokenReused()
    case 'rolled-back':
      await endStolen(parts, outcome.session, 'rollback', outcome.row, caller)
      throw sessionRevoked('rollback')
    case 'exhausted':
      await parts.revoker.end(token.sid, 'revoked', tellOfEnd(parts, caller))
      throw sessionRevoked('its generations are used up')
    case 'revoked':
      throw ended(outcome.reason)
    case 'unknown':
      throw new errors.RefreshTokenExpired()
  }
}

function ended(reason: RevocationReason): Error {
  return reason === 'reuse' ? new errors.RefreshTokenReused() : sessionRevoked(reason)
}

/** Fresh claims, before anything is rotated: a loader that throws has changed nothing. */
async function loadClaims(parts: Parts, { sid }: RefreshToken, caller: Caller): Promise<Claims | undefined> {
  const { options, calls, revoker } = parts
  const { load } = options.session
  const session = load && (await calls.ask('get', (store) => store.get(sid)))
  // Without a session there is nothing to load for: the rule says what became of it.
  if (!session) return undefined
  const loaded = await load(session.sub, session)
  if (!loaded) {
    await revoker.end(sid, 'disabled', tellOfEnd(parts, caller))
    throw sessionRevoked('disabled')
  }
  return loaded.claims && resolveClaims(loaded.claims, 'session.load().claims')
}

/** Asks the store; where `allowReplay` has a say in it, twice. `replayable` is what it refused. */
async function rotate(parts: Parts, token: RefreshToken, caller: Caller): Promise<RefreshOutcome> {
  const { options, calls, revoker } = parts
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
    requestMetadata: metadataOf(parts, caller),
    operation: operationId(),
    askBeforeReplay: allowReplay !== undefined
  }
  const outcome = await calls.ask('rotate', (store) => store.rotate(refresh))
  if (outcome.outcome !== 'replayable') return outcome
  if (!(await allowReplay?.(caller.request, outcome.session))) return outcome
  return calls.ask('rotate', (store) => store.rotate({ ...refresh, askBeforeReplay: false }))
}

/** Ends the session of a stolen token. Whoever is the first to do so tells of it: once. */
async function endStolen(
  parts: Parts,
  session: Session,
  reason: 'reuse' | 'rollback',
  row: number,
  caller: Caller
): Promise<void> {
  await parts.revoker.end(session.sid, reason, (stolen) =>
    tellOfReuse(parts, stolen, { reason, row }, caller)
  )
}

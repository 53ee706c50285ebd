import type { Identity, Session } from '../../types/session.js'
import type { CreateOutcome, NewSession } from '../../types/session-store.js'
import { errors } from '../errors.js'
import { ON_LIMIT } from '../options/option-types.js'
import type { ResolvedOptions } from '../options/resolve.js'
import type { Proof } from '../tokens/proof/proof.js'
import { createFamily, sidOf } from '../tokens/session-id.js'
import { countResult, nameResult } from '../utils/callback-results.js'
import type { CallContext } from './call-context.js'
import { withClientId } from './client-id.js'
import type { SessionComponents } from './components.js'
import { resolveIdentity } from './identity.js'
import { type IssuedTokens, issueTokens } from './issue-tokens.js'
import { emitLogin } from './observability/session-events.js'
import { requestMetadata } from './request-metadata.js'
import { logoutEmitter, revokedError } from './revoke-session.js'

type SessionOptions = ResolvedOptions['session']
type StoreOutcome = Exclude<CreateOutcome, { outcome: 'deadline-exceeded' }>

/** What a login request contains besides the identity. */
export interface Login {
  /** Ids of the sessions that the new one replaces. */
  replaces: string[]
  /** Binds the session to its key. */
  proof: Proof | null
}

/** Creates a session in the store and issues its first tokens. */
export async function createSession(
  components: SessionComponents,
  identity: Identity,
  context: CallContext,
  { replaces, proof }: Login
): Promise<IssuedTokens> {
  const { options, storeClock, keyBinding } = components
  const { ttlMs = options.session.ttlMs, idleTtlMs, ...resolved } = resolveIdentity(identity)
  const { sub, claims, remember, authentication, metadata } = resolved
  const jkt = keyBinding.keyOfLogin(resolved.jkt, proof, context)
  const family = createFamily(sub)
  const absoluteMs = Math.min(ttlMs, options.session.ttlMs)
  const newSession: NewSession = {
    sid: sidOf(family, jkt),
    sub,
    claims,
    remember,
    authentication,
    jkt: jkt ?? undefined,
    metadata,
    ttlMs: absoluteMs,
    idleMs: options.refreshToken.ttlMs,
    // A longer one has no effect.
    ownIdleMs: idleTtlMs && Math.min(idleTtlMs, absoluteMs),
    requestMetadata: requestMetadata(options.session.metadata, context) ?? {},
    maxPerUser: await maxPerUserOf(options.session, identity),
    evicts: options.session.onLimit === 'evict-oldest',
    replaces
  }
  // Before the store: if the function of the application fails, no session was created, and none was evicted.
  const tokenClaims = withClientId(claims, options.accessToken.clientId, () => previewOf(newSession))
  const created = await createWithinLimit(components, newSession, identity, context)
  if (created.outcome === 'revoked') throw revokedError(created.reason)
  const { session, nowMs, evicted } = created
  storeClock.sync(nowMs)
  if (evicted.length > 0) void publishEvictions(components, created, context)
  if (options.durability.create) await waitForReplicas(components, session)
  const tokens = issueTokens(components, { family, jkt }, { session, issuedUs: 0, nowMs }, tokenClaims)
  emitLogin(options, session, context)
  return tokens
}

/** Returns the session as the store will create it, with times by the clock of this process. */
function previewOf(session: NewSession): Session {
  const {
    sid,
    sub,
    remember,
    jkt = null,
    claims,
    metadata,
    requestMetadata,
    ttlMs,
    idleMs,
    ownIdleMs
  } = session
  const { acr = null, amr = [] } = session.authentication
  const now = Date.now()
  return {
    sid,
    sub,
    gen: 1,
    createdAt: new Date(now),
    lastUsedAt: new Date(now),
    expiresAt: new Date(now + Math.min(ttlMs, idleMs, ownIdleMs ?? idleMs)),
    absoluteExpiresAt: new Date(now + ttlMs),
    remember,
    jkt,
    name: null,
    authenticatedAt: new Date(now),
    acr,
    amr: [...amr],
    claims,
    metadata: { ...requestMetadata, ...metadata }
  }
}

async function maxPerUserOf({ maxPerUser }: SessionOptions, identity: Identity): Promise<number> {
  return typeof maxPerUser === 'function'
    ? countResult(await maxPerUser(identity), 'option "session.maxPerUser"')
    : maxPerUser
}

/**
 * Creates the session. If the user has the maximum number of sessions, the option `session.onLimit` decides.
 * @throws {FRT_ERR_SESSION_LIMIT} with the sessions of the user, if the login is rejected
 */
async function createWithinLimit(
  components: SessionComponents,
  session: NewSession,
  identity: Identity,
  context: CallContext
): Promise<Exclude<StoreOutcome, { outcome: 'limit-reached' }>> {
  const { onLimit } = components.options.session
  const created = await createInStore(components, session, context)
  if (created.outcome !== 'limit-reached') return created
  const decision = typeof onLimit === 'function' ? await onLimit(identity, created.sessions) : onLimit
  if (nameResult(decision, ON_LIMIT, 'option "session.onLimit"') === 'reject')
    throw limitError(created.sessions)
  const evicting = await createInStore(components, { ...session, evicts: true }, context)
  return evicting as Exclude<StoreOutcome, { outcome: 'limit-reached' }>
}

/** The sessions are not enumerable, because their metadata should not be in the log of each rejected login. */
function limitError(sessions: Session[]): Error {
  return Object.defineProperty(new errors.SessionLimit(), 'sessions', { value: sessions })
}

/**
 * Creates the session with a deadline. If the call reached the store after the request gave up, it would evict a session
 * for a login that failed. If the deadline was wrong because the store's clock changed, tries once more.
 */
async function createInStore(
  components: SessionComponents,
  session: NewSession,
  context: CallContext
): Promise<StoreOutcome> {
  const { options, storeClient, storeClock } = components
  if (!storeClock.isSynced) storeClock.sync(await storeClient.call('now', (store) => store.now(session.sub)))
  const deadline = performance.now() + options.storeTimeoutMs
  for (let attempt = 0; attempt < 2; attempt++) {
    const created = await storeClient.call(
      'create',
      (store) => store.create({ ...session, deadlineMs: storeClock.toStoreTime(deadline) }),
      (lateResult) => void discardOrphan(components, session.sid, lateResult, context)
    )
    if (created.outcome !== 'deadline-exceeded') return created
    storeClock.sync(created.nowMs)
  }
  throw new errors.StoreUnavailable({ cause: new Error('the store received the call after its deadline') })
}

/** Waits until the session survives a failover. Otherwise the login fails, and its session is discarded. */
async function waitForReplicas(
  { storeClient, revoker }: SessionComponents,
  { sid, gen }: Session
): Promise<void> {
  const reason = await storeClient.call(
    'waitForReplicas',
    async (store) => store.waitForReplicas?.({ sid, gen }),
    () => revoker.discard(sid)
  )
  if (reason) throw revokedError(reason)
}

/** Discards a session that the store created after the request timed out, because the client received an error. */
async function discardOrphan(
  components: SessionComponents,
  sid: string,
  lateResult: Promise<CreateOutcome>,
  context: CallContext
): Promise<void> {
  // Wait for the result: a creation that arrives after the revocation would restore the session.
  const created = await lateResult.catch(() => null)
  if (created?.outcome === 'deadline-exceeded' || created?.outcome === 'limit-reached') return
  if (created) void publishEvictions(components, created, context)
  components.revoker.discard(sid)
}

/** Publishes evicted sessions without delaying the login. */
async function publishEvictions(
  components: SessionComponents,
  created: CreateOutcome,
  context: CallContext
): Promise<void> {
  if (created.outcome !== 'created') return
  try {
    const { revoker } = components
    await revoker.recordAndPublish(created.evicted, 'evicted', logoutEmitter(components, context))
  } catch (err) {
    const fields = { err, event: 'revocation_publish_delayed' }
    context.log.info(fields, 'could not publish evicted sessions; retrying in the background')
  }
}

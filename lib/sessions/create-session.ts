import type { Identity } from '../../types/session.js'
import type { CreateOutcome, NewSession } from '../../types/session-store.js'
import { errors } from '../errors.js'
import { createFamily, sidOf } from '../tokens/session-id.js'
import type { Caller } from './call-context.js'
import type { Parts } from './components.js'
import { resolveIdentity } from './identity.js'
import { type IssuedTokens, issueTokens } from './issue-tokens.js'
import { tellOfLogin } from './observability/session-events.js'
import { metadataOf } from './request-metadata.js'
import { endQuietly, sessionRevoked, tellOfEnd } from './revoke-session.js'

export async function createSession(
  parts: Parts,
  identity: Identity,
  caller: Caller,
  replaces: string[]
): Promise<IssuedTokens> {
  const { options } = parts
  const { sub, claims, remember, metadata, ttlMs = options.session.ttlMs } = resolveIdentity(identity)
  const family = createFamily(sub)
  const session: NewSession = {
    sid: sidOf(family),
    sub,
    claims,
    remember,
    metadata,
    ttlMs: Math.min(ttlMs, options.session.ttlMs),
    idleMs: options.refreshToken.ttlMs,
    requestMetadata: metadataOf(parts, caller) ?? {},
    maxPerUser: options.session.maxPerUser,
    replaces
  }
  const created = await begin(parts, session, caller)
  if (created.outcome === 'revoked') throw sessionRevoked(created.reason)
  if (created.evicted.length > 0) void noteEvicted(parts, created, caller)
  tellOfLogin(parts, created.session, caller)
  const { session: begun, nowMs } = created
  parts.storeClock.learn(nowMs)
  return issueTokens(parts, family, { session: begun, issuedUs: 0, nowMs }, claims)
}

/**
 * Asks the store for it, as long as the client waits: what reached the store later would evict a session for a
 * login that was none. Where the store's clock turns out to be another, once more.
 */
async function begin(
  parts: Parts,
  session: NewSession,
  caller: Caller
): Promise<Exclude<CreateOutcome, { outcome: 'late' }>> {
  const { options, calls, storeClock } = parts
  if (!storeClock.isKnown) storeClock.learn(await calls.ask('now', (store) => store.now(session.sub)))
  const endsAt = performance.now() + options.storeTimeoutMs
  for (let tries = 0; tries < 2; tries++) {
    const created = await calls.ask(
      'create',
      (store) => store.create({ ...session, deadlineMs: storeClock.at(endsAt) }),
      (late) => void endGhost(parts, session.sid, late, caller)
    )
    if (created.outcome !== 'late') return created
    storeClock.learn(created.nowMs)
  }
  throw new errors.StoreUnavailable({ cause: new Error('the store was reached too late') })
}

/** The client was told that there is no session: let there be none, if the store made one after all. */
async function endGhost(
  parts: Parts,
  sid: string,
  late: Promise<CreateOutcome>,
  caller: Caller
): Promise<void> {
  // Not before the store has settled it: what comes late would bring back what was ended.
  const created = await late.catch(() => null)
  if (created?.outcome === 'late') return
  if (created) void noteEvicted(parts, created, caller)
  await endQuietly(parts, sid, 'revoked', caller)
}

/** Nobody waits for the other processes to know: the login is good without. */
async function noteEvicted(parts: Parts, created: CreateOutcome, caller: Caller): Promise<void> {
  if (created.outcome !== 'created') return
  try {
    await parts.revoker.note(created.evicted, 'evicted', tellOfEnd(parts, caller))
  } catch (err) {
    const fields = { err, event: 'news_delayed' }
    caller.log.info(fields, 'the other processes do not know yet of evicted sessions: it is tried again')
  }
}

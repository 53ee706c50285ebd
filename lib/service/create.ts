import type { Identity } from '../../types/identity.js'
import type { Caller } from '../caller.js'
import { emit, eventOf } from '../events.js'
import { resolveIdentity } from '../identity.js'
import type { CreateOutcome, NewSession } from '../store/session-store.js'
import { createFamily, sidOf } from '../tokens/refresh-token.js'
import { endQuietly, sessionRevoked, tellOfEnd } from './end.js'
import { type IssuedTokens, issueTokens } from './issue.js'
import { metadataOf } from './metadata-of.js'
import type { Parts } from './parts.js'

export async function createSession(
  parts: Parts,
  identity: Identity,
  caller: Caller,
  replaces: string[]
): Promise<IssuedTokens> {
  const { options, calls } = parts
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
  const created = await calls.ask(
    (store) => store.create(session),
    (late) => void endGhost(parts, session.sid, late, caller)
  )
  if (created.outcome === 'revoked') throw sessionRevoked(created.reason)
  if (created.evicted.length > 0) void noteEvicted(parts, created, caller)
  void emit(options, 'onLogin', () => eventOf(created.session), caller)
  const { session: begun, nowMs } = created
  return issueTokens(parts, family, { session: begun, issuedUs: 0, nowMs }, claims)
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
  if (created) void noteEvicted(parts, created, caller)
  await endQuietly(parts, sid, 'revoked', caller)
}

/** Nobody waits for the other processes to know: the login is good without. */
async function noteEvicted(parts: Parts, created: CreateOutcome, caller: Caller): Promise<void> {
  if (created.outcome !== 'created') return
  try {
    await parts.revoker.note(created.evicted, 'evicted', tellOfEnd(parts, caller))
  } catch (err) {
    caller.log.warn({ err }, 'the other processes do not know yet of evicted sessions: it is tried again')
  }
}

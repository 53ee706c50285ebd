import { Background } from '../background.js'
import { Confirmations } from '../confirmations.js'
import type { ResolvedOptions } from '../options/resolve.js'
import { Announcer } from '../revocation/announcer.js'
import { RevokedSessions } from '../revocation/revoked-sessions.js'
import { Revoker } from '../revocation/revoker.js'
import type { FeedLog, FeedSettings, RevocationFeed } from '../store/revocation-feed.js'
import type { SessionStore } from '../store/session-store.js'
import { StoreCalls } from '../store-calls.js'
import { StoreClock } from '../store-clock.js'
import type { AccessTokens } from '../tokens/access-token.js'
import type { RefreshTokenCodec } from '../tokens/refresh-token.js'

/** What the service works with. */
export interface Parts {
  options: ResolvedOptions
  calls: StoreCalls
  background: Background
  revoker: Revoker
  /** Null where the mode is another. */
  feed: RevocationFeed | null
  confirmations: Confirmations
  storeClock: StoreClock
  refreshTokens: RefreshTokenCodec
  accessTokens: AccessTokens
}

interface Made extends Pick<Parts, 'options' | 'refreshTokens' | 'accessTokens'> {
  store: SessionStore
  log: FeedLog
}

export function createParts({ options, store, log, ...tokens }: Made): Parts {
  const { ttlMs: accessTokenTtlMs } = options.accessToken
  const calls = new StoreCalls(store, options.storeTimeoutMs)
  const background = new Background()
  const retrying = { calls, background }
  const revoked = new RevokedSessions(accessTokenTtlMs)
  const feed = openFeed(options, store, {
    heard: (revocation) => revoked.hear(revocation),
    lost: (revocation) => revoker.endAgain(revocation),
    log
  })
  const announcer = new Announcer(feed, retrying, revoked, accessTokenTtlMs)
  const revoker = new Revoker(retrying, announcer, revoked, options.session.ttlMs)
  return {
    options,
    calls,
    background,
    revoker,
    feed,
    confirmations: new Confirmations(calls, background, accessTokenTtlMs),
    storeClock: new StoreClock(),
    ...tokens
  }
}

function openFeed(
  { accessToken, revocation }: ResolvedOptions,
  store: SessionStore,
  listener: Pick<FeedSettings, 'heard' | 'lost' | 'log'>
): RevocationFeed | null {
  if (revocation.mode !== 'feed' || !store.openFeed) return null
  const { staleAfterMs } = revocation
  return store.openFeed({ ...listener, staleAfterMs, accessTokenTtlMs: accessToken.ttlMs })
}

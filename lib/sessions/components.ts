import type { FastifyBaseLogger } from 'fastify'
import type { FeedEvent, FeedSettings, RevocationFeed } from '../../types/revocation-feed.js'
import type { SessionStore } from '../../types/session-store.js'
import type { ResolvedOptions } from '../options/resolve.js'
import type { AccessTokens } from '../tokens/access-token.js'
import type { RefreshTokenCodec } from '../tokens/refresh-token.js'
import { Background } from '../utils/retry-queue.js'
import { watchFeed } from './observability/feed-monitor.js'
import { Announcer } from './revocation/revocation-publisher.js'
import { RevokedSessions } from './revocation/revoked-sessions.js'
import { Revoker } from './revocation/revoker.js'
import { Confirmations } from './store-access/confirmations.js'
import { StoreCalls } from './store-access/store-client.js'
import { StoreClock } from './store-access/store-clock.js'
import { StoreOutage } from './store-access/store-outage.js'

/** What the service works with. */
export interface Parts {
  options: ResolvedOptions
  calls: StoreCalls
  background: Background
  revoker: Revoker
  /** Null where the mode is another. */
  feed: RevocationFeed | null
  tellOfFeed: (event: FeedEvent) => void
  confirmations: Confirmations
  storeClock: StoreClock
  refreshTokens: RefreshTokenCodec
  accessTokens: AccessTokens
}

interface Made extends Pick<Parts, 'options' | 'refreshTokens' | 'accessTokens'> {
  store: SessionStore
  log: FastifyBaseLogger
}

export function createParts({ options, store, log, ...tokens }: Made): Parts {
  const { keyPrefix, storeTimeoutMs: timeoutMs } = options
  const { ttlMs: accessTokenTtlMs } = options.accessToken
  const calls = new StoreCalls(store, { keyPrefix, timeoutMs, outage: new StoreOutage(keyPrefix, log) })
  const background = new Background()
  const retrying = { calls, background }
  const revoked = new RevokedSessions(keyPrefix, accessTokenTtlMs)
  const tellOfFeed = watchFeed(keyPrefix, log)
  const feed = openFeed(options, store, {
    heard: (revocation) => revoked.hear(revocation),
    lost: (revocation) => revoker.endAgain(revocation),
    tell: tellOfFeed
  })
  const announcer = new Announcer(feed, retrying, revoked, accessTokenTtlMs)
  const revoker = new Revoker(retrying, announcer, revoked, options.session.ttlMs)
  return {
    options,
    calls,
    background,
    revoker,
    feed,
    tellOfFeed,
    confirmations: new Confirmations(calls, background, accessTokenTtlMs),
    storeClock: new StoreClock(),
    ...tokens
  }
}

function openFeed(
  { accessToken, revocation }: ResolvedOptions,
  store: SessionStore,
  listener: Pick<FeedSettings, 'heard' | 'lost' | 'tell'>
): RevocationFeed | null {
  if (revocation.mode !== 'feed' || !store.openFeed) return null
  const { staleAfterMs } = revocation
  return store.openFeed({ ...listener, staleAfterMs, accessTokenTtlMs: accessToken.ttlMs })
}

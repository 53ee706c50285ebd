import type { FastifyBaseLogger } from 'fastify'
import type { FeedEvent, FeedSettings, RevocationFeed } from '../../types/revocation-feed.js'
import type { SessionStore } from '../../types/session-store.js'
import type { ResolvedOptions } from '../options/resolve.js'
import { RETENTION_MARGIN_MS } from '../store/recent-revocations.js'
import type { AccessTokens } from '../tokens/access-token.js'
import type { RefreshTokenCodec } from '../tokens/refresh-token.js'
import { KeyBinding } from './key-binding.js'
import { createClockSkewMonitor } from './observability/clock-skew.js'
import { createFeedMonitor } from './observability/feed-monitor.js'
import { RevocationPublisher } from './revocation/revocation-publisher.js'
import { RevocationRepeater } from './revocation/revocation-repeater.js'
import { RevokedSessions } from './revocation/revoked-sessions.js'
import { Revoker } from './revocation/revoker.js'
import { Confirmations } from './store-access/confirmations.js'
import { StoreClient } from './store-access/store-client.js'
import { StoreClock } from './store-access/store-clock.js'
import { StoreOutage } from './store-access/store-outage.js'
import { TokenClock } from './store-access/token-clock.js'

/** The dependencies of the session service. */
export interface SessionComponents {
  options: ResolvedOptions
  storeClient: StoreClient
  revoker: Revoker
  /** `null` if the revocation mode is not `feed`. */
  feed: RevocationFeed | null
  onFeedEvent: (event: FeedEvent) => void
  /** Watches for a server that was replaced. A feed does this itself. Returns a function that ends the watch. */
  watchMaster: () => (() => void) | undefined
  keyBinding: KeyBinding
  confirmations: Confirmations
  storeClock: StoreClock
  tokenClock: TokenClock
  refreshTokens: RefreshTokenCodec
  accessTokens: AccessTokens
}

interface ComponentDependencies
  extends Pick<SessionComponents, 'options' | 'refreshTokens' | 'accessTokens'> {
  store: SessionStore
  log: FastifyBaseLogger
}

export function createComponents({
  options,
  store,
  log,
  ...tokens
}: ComponentDependencies): SessionComponents {
  const { keyPrefix, storeTimeoutMs: timeoutMs } = options
  const { clockToleranceMs } = options.accessToken
  const accessTokenTtlMs = acceptedMsOf(options)
  const storeClient = new StoreClient(store, {
    keyPrefix,
    timeoutMs,
    outage: new StoreOutage(keyPrefix, log)
  })
  const revoked = new RevokedSessions(keyPrefix, accessTokenTtlMs)
  const storeClock = new StoreClock(createClockSkewMonitor(log))
  const onFeedEvent = createFeedMonitor(keyPrefix, log)
  const repeater = new RevocationRepeater(storeClient, revoked, options.session.ttlMs)
  const onMasterChanged = () => void repeater.repeatRecent()
  const feed = openFeed(options, store, {
    onRevocation: (revocation) => revoked.addFromFeed(revocation),
    onRepublished: (revocation) => void repeater.repeat(revocation),
    onMasterChanged,
    onEvent: onFeedEvent
  })
  const publisher = new RevocationPublisher(feed, storeClient, revoked, accessTokenTtlMs)
  const revoker = new Revoker(storeClient, publisher, revoked, repeater, {
    maxTtlMs: options.session.ttlMs,
    waitsForReplicas: options.durability.revoke
  })
  return {
    options,
    storeClient,
    revoker,
    feed,
    onFeedEvent,
    keyBinding: new KeyBinding(options),
    watchMaster: () =>
      store.watchMaster?.({ storeTimeoutMs: timeoutMs, onMasterChanged, onEvent: onFeedEvent }),
    confirmations: new Confirmations(storeClient, accessTokenTtlMs),
    storeClock,
    // A revocation stays in memory that long after its tokens expired, so that clocks may differ by this time.
    tokenClock: new TokenClock(storeClock, clockToleranceMs, RETENTION_MARGIN_MS),
    ...tokens
  }
}

/** How long an access token is accepted. Its revocation must be kept for longer. */
function acceptedMsOf({ accessToken }: ResolvedOptions): number {
  return accessToken.ttlMs + accessToken.clockToleranceMs
}

function openFeed(
  options: ResolvedOptions,
  store: SessionStore,
  callbacks: Pick<FeedSettings, 'onRevocation' | 'onRepublished' | 'onMasterChanged' | 'onEvent'>
): RevocationFeed | null {
  const { revocation, storeTimeoutMs } = options
  if (revocation.mode !== 'feed' || !store.openFeed) return null
  const { staleAfterMs } = revocation
  return store.openFeed({
    ...callbacks,
    staleAfterMs,
    storeTimeoutMs,
    accessTokenTtlMs: acceptedMsOf(options)
  })
}

import type { RevocationReason } from './session.js'

/** Sessions that have ended, for one reason. */
export interface Revocation {
  sids: string[]
  reason: RevocationReason
  /** Until when a token of one of them could have lived, by the store's clock. */
  expiresAtMs: number
}

/**
 * Tells every process of sessions that have ended, so that a guarded route finds it in the process's own
 * memory. It is kept for as long as an access token of theirs may live: who comes later hears of it, too.
 */
export interface RevocationFeed {
  /**
   * Resolves when every process that follows the feed is certain to hear of it. What it throws means that
   * nobody knows; adding it once more does no harm.
   */
  add(revocation: Revocation): Promise<void>

  /** Hears all that is kept, then what comes, until closed. Resolves when all that is kept was heard. Never rejects. */
  follow(): Promise<void>

  /** Whether a revocation may have been missed: the feed was not heard of lately, or what it kept is lost. */
  isStale(): boolean

  /** Holds nothing open from then on. */
  close(): void
}

export interface FeedSettings {
  /** Is told of each revocation, its own included, once or more often. */
  onRevocation(revocation: Revocation): void
  /**
   * Is told of each that this process had added and the feed has lost (a failover, a restart), when it was added
   * again: what lost it may have brought the sessions back.
   */
  onRepublished(revocation: Revocation): void
  /** How long the feed may be silent before it is stale. */
  staleAfterMs: number
  /** Lifetime of the access tokens: what ended before is no longer of interest. */
  accessTokenTtlMs: number
  /** Is told how the feed itself is doing. */
  onEvent(event: FeedEvent): void
}

export type FeedEvent =
  /** It cannot be read for now: it is tried again. Once for each interruption. */
  | { state: 'interrupted'; reason: string }
  /** An interruption is over: all that is kept has been read. */
  | { state: 'recovered' }
  /** Entries were lost that nobody can read any more. */
  | { state: 'gap' }
  /** A revocation may have been missed. As often as it is noticed. */
  | { state: 'stale'; reason: string }
  /** It has been read to its end: `lagMs` is how long the oldest entry that is new was on its way. */
  | { state: 'read'; entries: number; lagMs?: number | undefined }

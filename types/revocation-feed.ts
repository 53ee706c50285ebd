import type { RevocationReason } from './session.js'

/** One or more sessions that were revoked for one reason. */
export interface Revocation {
  sids: string[]
  reason: RevocationReason
  /** When the last token of these sessions would have expired, by the store's clock. */
  expiresAtMs: number
}

/**
 * Delivers revocations to every process, so that guarded routes find them in memory. A feed keeps each entry as long as
 * an access token of the session may be valid, so that processes that start later also receive it.
 */
export interface RevocationFeed {
  /**
   * Resolves once delivery to all subscribers is guaranteed. A rejection means that delivery is unknown. Adding the
   * entry again is safe.
   */
  add(revocation: Revocation): Promise<void>

  /** Delivers all kept entries, then new ones until the feed is closed. Resolves after the kept entries. Never rejects. */
  follow(): Promise<void>

  /** Returns whether revocations may have been missed: the last successful read is too old, or entries were lost. */
  isStale(): boolean

  /** Closes the resources that the feed opened. */
  close(): void
}

export interface FeedSettings {
  /** Called for each revocation, including those of this process. May be called more than once for one revocation. */
  onRevocation(revocation: Revocation): void
  /**
   * Called after an entry of this process was lost (a failover, a restart) and published again. The store may have
   * restored the sessions at the same time.
   */
  onRepublished(revocation: Revocation): void
  /** Called when the store may use another server than before, which may have lost the last writes. */
  onMasterChanged(): void
  /** How long the feed stays fresh without a successful read. */
  staleAfterMs: number
  /** How long a request waits for the store. */
  storeTimeoutMs: number
  /** How long access tokens are accepted: their lifetime and `accessToken.clockTolerance`. Older revocations no longer matter. */
  accessTokenTtlMs: number
  /** Called when the state of the feed changes, and after each read. */
  onEvent(event: FeedEvent): void
}

export type FeedEvent =
  /** The feed cannot be read. The reader retries. Once per interruption. */
  | { state: 'interrupted'; reason: string }
  /** The interruption is over: all kept entries were read. */
  | { state: 'recovered' }
  /** Entries were lost and can no longer be read. */
  | { state: 'gap' }
  /** Revocations may have been missed. Emitted at each failed attempt to read while the feed is stale. */
  | { state: 'stale'; reason: string }
  /** The reader reached the end of the feed. `lagMs` is the delay of the oldest new entry. */
  | { state: 'read'; entries: number; lagMs?: number | undefined }
  | MasterEvent

/** A store whose server can be replaced compares the server of its client with the current master. */
export type MasterEvent =
  /** The client writes to a master that was replaced. Calls of the store fail until `joined`. */
  | { state: 'split' }
  /** The client was disconnected from that master, or from one that does not reply, so that it finds the current one. */
  | { state: 'client-moved' }
  /** The client uses the current master again, after `durationMs`. */
  | { state: 'joined'; durationMs: number }
  /** The servers cannot be compared. Calls of the store are accepted. */
  | { state: 'unverifiable'; reason: string }

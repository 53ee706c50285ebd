import type { FastifyRequest } from 'fastify'
import type { Duration, Session } from './session.js'

type Awaitable<T> = T | Promise<T>

/** The options of refresh tokens. */
export interface RefreshTokenOptions {
  /**
   * Idle timeout, from 1 second to five years. A session that is not refreshed for this long expires. Must be more than
   * six times `grace`.
   * @default '14d'
   */
  ttl?: Duration | undefined
  /**
   * Grace period: how long a retired token is accepted after its successor is confirmed. For two more grace periods it is
   * rejected with `FRT_ERR_REFRESH_CONFLICT`. Later it counts as reuse. Must be less than a third of `accessToken.ttl`.
   * `0` disables the grace period, the conflict and the cooldown.
   * @default a tenth of `accessToken.ttl`, at most '30s'
   */
  grace?: Duration | undefined
  /**
   * Accepts the last retired token until its successor is confirmed. Set it to `false` if other services verify the
   * access tokens, because their requests do not confirm.
   * @default true
   */
  untilConfirmed?: boolean | undefined
  /**
   * Returns whether this use of an access token confirms its generation. Return `false` for a server that renders pages
   * for the browser. It may lose the connection before the browser receives the cookie.
   * @default every request
   */
  confirms?: ((request: FastifyRequest) => Awaitable<boolean>) | undefined
  /**
   * Called before a retired token is replayed. `true` allows it, and `false` makes it reuse. Another result is
   * `FRT_ERR_INVALID_CALLBACK_RESULT`, and changes nothing. `request` is `null` for calls through `app.sessions`.
   */
  allowReplay?: ((request: FastifyRequest | null, session: Session) => Awaitable<boolean>) | undefined
  /**
   * What to do with a token that is ahead of the store by more than one rotation, for example after a restored backup.
   * `'accept-one'` revokes its session. `'accept'` rotates the token.
   * @default 'accept-one'
   */
  rollback?: 'accept-one' | 'accept' | undefined
}

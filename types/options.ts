import type {
  FastifyReply,
  FastifyRequest,
  FastifySchema,
  FastifySchemaCompiler,
  FastifySerializerCompiler,
  RouteShorthandOptions
} from 'fastify'
import type { AccessTokenOptions } from './access-token.js'
import type { LoginEvent, LogoutEvent, RefreshEvent, ReuseEvent } from './events.js'
import type { RedisClient } from './redis-client.js'
import type { Claims, Duration, Identity, Metadata, Session } from './session.js'
import type { SessionStore } from './session-store.js'

/** How the refresh token travels, both ways. */
export type Transport = 'cookie' | 'body' | 'header'

type Awaitable<T> = T | Promise<T>

/** The options of the plugin. A bad or unknown one is `FRT_ERR_INVALID_OPTION` at registration. */
export interface FastifyRefreshTokenOptions {
  /**
   * Who is it? Reads what it likes from the request; `null` (or any other falsy value) means bad
   * credentials: 401. What it throws passes through. It may also answer by itself (a second factor), and
   * return the reply. Required unless `routes.login` is `false`.
   *
   * A method, so that its request may be typed by what its schema checks:
   * `async login(request: FastifyRequest<{ Body: Credentials }>)`.
   */
  login?(
    request: FastifyRequest,
    reply: FastifyReply
  ): Awaitable<Identity | FastifyReply | null | undefined | false>
  /**
   * At least 32 bytes, or several such: the first signs, all verify. They roll as `[old, new]`, then
   * `[new, old]`, then `[new]`. The keys of both tokens are derived from it (HKDF, RFC 5869); with
   * `accessToken.keys`, that of the refresh token alone.
   */
  secret: string | Buffer | ReadonlyArray<string | Buffer>
  /** An ioredis `Redis` or `Cluster` that you made and close. Without it, and without `store`: in memory, for one process. */
  redis?: RedisClient | undefined
  /** A session store of your own, instead of `redis`. */
  store?: SessionStore | undefined
  /**
   * Before every Redis key. It also separates the derived keys: two instances with one secret never
   * accept each other's tokens.
   * @default 'frt:'
   */
  keyPrefix?: string | undefined
  /**
   * How long a store call may take, whatever the client's own settings are: then 503.
   * @default '2s'
   */
  storeTimeout?: Duration | undefined
  accessToken?: AccessTokenOptions | undefined
  refreshToken?: RefreshTokenOptions | undefined
  session?: SessionOptions | undefined
  /** @default 'cookie' */
  transport?: Transport | ((request: FastifyRequest) => Transport) | undefined
  cookie?: CookieOptions | undefined
  header?: HeaderOptions | undefined
  routes?: RoutesOptions | undefined
  csrf?: CsrfOptions | undefined
  revocation?: RevocationOptions | undefined
  /** After a session began. What it throws is logged, and changes no answer; so with the others. */
  onLogin?: ((event: LoginEvent, request: FastifyRequest | null) => unknown) | undefined
  /** After a refresh was answered. */
  onRefresh?: ((event: RefreshEvent, request: FastifyRequest | null) => unknown) | undefined
  /** After a session ended for any reason but theft. */
  onLogout?: ((event: LogoutEvent, request: FastifyRequest | null) => unknown) | undefined
  /** After a stolen token was found out: once for a session. */
  onReuse?: ((event: ReuseEvent, request: FastifyRequest | null) => unknown) | undefined
}

export interface RefreshTokenOptions {
  /**
   * Idle lifetime: a session not refreshed for so long ends. More than six times the grace.
   * @default '14d'
   */
  ttl?: Duration | undefined
  /**
   * How long a retired token is still answered, counted from the first use of its successor. Less
   * than a third of `accessToken.ttl`; `0` turns it off.
   * @default a tenth of `accessToken.ttl`, at most '30s'
   */
  grace?: Duration | undefined
  /**
   * The immediate parent stays good until the current generation was used. Turn it off where other
   * services verify the access tokens: then nobody confirms.
   * @default true
   */
  untilConfirmed?: boolean | undefined
  /**
   * Whether this use of an access token proves that the client has it: `false` for a server that
   * renders pages on the browser's behalf and may lose the browser before it gets the cookie.
   * @default every request
   */
  confirms?: ((request: FastifyRequest) => Awaitable<boolean>) | undefined
  /** Asked before a retired token is answered once more; `false` makes it reuse. `request` is `null` for calls through `app.sessions`. */
  allowReplay?: ((request: FastifyRequest | null, session: Session) => Awaitable<boolean>) | undefined
  /**
   * What to do with a token that is ahead of the store by more than one rotation (a restored backup):
   * end its session, or go on from it.
   * @default 'accept-one'
   */
  rollback?: 'accept-one' | 'accept' | undefined
}

export interface SessionOptions {
  /**
   * Absolute lifetime: no rotation extends it. At most five years.
   * @default '90d'
   */
  ttl?: Duration | undefined
  /**
   * More sessions than that: the oldest is evicted.
   * @default 100
   */
  maxPerUser?: number | undefined
  /** Called at each refresh, before anything is rotated: fresh claims, or `null` to end the session. What it throws passes through. */
  load?: ((sub: string, session: Session) => Awaitable<{ claims?: Claims } | null | undefined>) | undefined
  /**
   * What is kept for the user's list of devices; taken at login, and again at each rotation.
   * @default the user agent and the IP address, cut to length
   */
  metadata?: ((request: FastifyRequest) => Metadata) | undefined
}

/** The cookie is always HttpOnly. */
export interface CookieOptions {
  /** @default '__Host-refresh_token' */
  name?: string | undefined
  /** @default '/' */
  path?: string | undefined
  domain?: string | undefined
  /** @default 'strict' */
  sameSite?: 'strict' | 'lax' | 'none' | undefined
  /** @default true */
  secure?: boolean | undefined
}

/** The header names of transport `'header'`. */
export interface HeaderOptions {
  /** @default 'x-refresh-token' */
  refreshToken?: string | undefined
  /** @default 'x-access-token' */
  accessToken?: string | undefined
}

/** Merged into a route's own options: hooks are added to ours; `method`, `url` and `handler` are refused. */
export type RouteOverrides = Omit<
  RouteShorthandOptions,
  'validatorCompiler' | 'serializerCompiler' | 'schema'
> & {
  schema?: (FastifySchema & Record<string, unknown>) | undefined
  /** Of any kind of schema. */
  validatorCompiler?: FastifySchemaCompiler<never> | undefined
  serializerCompiler?: FastifySerializerCompiler<never> | undefined
}

export interface RoutesOptions {
  /** @default '/auth' */
  prefix?: string | undefined
  login?: RouteOverrides | boolean | undefined
  refresh?: RouteOverrides | boolean | undefined
  logout?: RouteOverrides | boolean | undefined
  logoutAll?: RouteOverrides | boolean | undefined
  sessions?: RouteOverrides | boolean | undefined
  /**
   * `GET /.well-known/jwks.json` (RFC 7517), without the prefix: the public halves of `accessToken.keys`, for
   * those who verify access tokens. Not for `'HS256'`, whose keys are secret.
   * @default false
   */
  jwks?: RouteOverrides | boolean | undefined
}

export interface CsrfOptions {
  /** Origins beside the server's own that may call the routes from a browser: `'https://app.example.com'`. */
  trustedOrigins?: readonly string[] | undefined
}

/** How a guarded route learns that the session of an access token has ended. */
export interface RevocationOptions {
  /**
   * `'feed'` finds it in the process's own memory, which every logout reaches within milliseconds;
   * `'store'` asks the store at each request; `'none'` waits for the token to expire.
   * @default 'feed'; 'store' for a store of your own without `openFeed`
   */
  mode?: 'none' | 'store' | 'feed' | undefined
  /**
   * What to do while the feed is silent: `'allow'` goes on with what is known, bounded by the lifetime of
   * the access token; `'deny'` asks the store, and answers 503 where that fails, too.
   * @default 'allow'
   */
  onStale?: 'allow' | 'deny' | undefined
  /**
   * How long the feed may be silent before it is stale: 1 to 60 seconds.
   * @default '5s'
   */
  staleAfter?: Duration | undefined
  /**
   * How many replicas of a Redis master must have a revocation before it is answered (`WAIT`): a failover
   * then cannot bring the session back. Where fewer follow within `storeTimeout` the answer is 503, and it is
   * tried again in the background. The session has ended at once all the same.
   * @default 0
   */
  replicas?: number | undefined
}

import type {
  FastifyReply,
  FastifyRequest,
  FastifySchema,
  FastifySchemaCompiler,
  FastifySerializerCompiler,
  RouteShorthandOptions
} from 'fastify'
import type { AccessTokenOptions } from './access-token.js'
import type { BindingOptions } from './binding.js'
import type { LoginEvent, LogoutEvent, RefreshEvent, ReuseEvent } from './events.js'
import type { RedisClient } from './redis-client.js'
import type { RefreshTokenOptions } from './refresh-token.js'
import type { Claims, Duration, Identity, Metadata, RequiredAuthentication, Session } from './session.js'
import type { SessionStore } from './session-store.js'
import type { CookieOptions, HeaderOptions, Transport } from './transport.js'

type Awaitable<T> = T | Promise<T>

/** The options of the plugin. An invalid or unknown option throws `FRT_ERR_INVALID_OPTION` at registration. */
export interface FastifyRefreshTokenOptions {
  /**
   * Returns the identity of the user. `null` or another falsy value means wrong credentials, and the response is a 401.
   * Its errors pass through. It can also send a response itself (for example to ask for a second factor) and return the
   * reply. Required unless `routes.login` is `false`.
   *
   * It is a method, so that its request can have the type of its schema:
   * `async login(request: FastifyRequest<{ Body: Credentials }>)`.
   */
  login?(
    request: FastifyRequest,
    reply: FastifyReply
  ): Awaitable<Identity | FastifyReply | null | undefined | false>
  /**
   * One or more secrets of at least 32 bytes. The first one signs, and all verify. To rotate, use `[old, new]`, then
   * `[new, old]`, then `[new]`. The keys of both tokens are derived from it (HKDF, RFC 5869). With `accessToken.keys`,
   * only the key of the refresh token is.
   */
  secret: string | Uint8Array | ReadonlyArray<string | Uint8Array>
  /**
   * An ioredis `Redis` or `Cluster`. The application creates and closes it. Without `redis` and `store`, sessions are
   * in the memory of one process.
   */
  redis?: RedisClient | undefined
  /** Your own session store, instead of `redis`. */
  store?: SessionStore | undefined
  /**
   * Prefix of every Redis key, 1 to 64 characters without braces. It also changes the derived keys, so that two
   * registrations with one secret do not accept each other's tokens.
   * @default 'frt:'
   */
  keyPrefix?: string | undefined
  /**
   * Time limit of a store call, at most 60 seconds. It applies regardless of the settings of the Redis client. After
   * it, the response is a 503.
   * @default '2s'
   */
  storeTimeout?: Duration | undefined

  /**
   * Whether to reconnect the ioredis client if it stays on a master that Sentinel has replaced, or if its server has not
   * replied for ten seconds and the current master works. With `false`, requests that need the store get 503 until the
   * connection of the client is closed.
   * @default true
   */
  reconnectOnFailover?: boolean | undefined
  accessToken?: AccessTokenOptions | undefined
  refreshToken?: RefreshTokenOptions | undefined
  session?: SessionOptions | undefined
  /**
   * Where requests and responses contain the refresh token.
   * @default 'cookie'
   */
  transport?: Transport | ((request: FastifyRequest) => Transport) | undefined
  cookie?: CookieOptions | undefined
  header?: HeaderOptions | undefined
  routes?: RoutesOptions | undefined
  oauth?: OAuthOptions | undefined
  binding?: BindingOptions | undefined
  csrf?: CsrfOptions | undefined
  revocation?: RevocationOptions | undefined
  durability?: DurabilityOptions | undefined
  /** Called after a session was created. The errors of this hook and of the others are logged only. */
  onLogin?: ((event: LoginEvent, request: FastifyRequest | null) => unknown) | undefined
  /** Called after a refresh token was exchanged. */
  onRefresh?: ((event: RefreshEvent, request: FastifyRequest | null) => unknown) | undefined
  /** Called after a session was revoked for another reason than reuse or rollback. */
  onLogout?: ((event: LogoutEvent, request: FastifyRequest | null) => unknown) | undefined
  /** Called once per session, after reuse or a rollback revoked it. */
  onReuse?: ((event: ReuseEvent, request: FastifyRequest | null) => unknown) | undefined
}

/** What happens at a login of a user who has the maximum number of sessions. */
export type OnLimit = 'evict-oldest' | 'reject'

/** The options of sessions. */
export interface SessionOptions {
  /**
   * Absolute lifetime, from 1 second to five years. No rotation extends it.
   * @default '90d'
   */
  ttl?: Duration | undefined
  /**
   * Maximum number of sessions per user, or a function that returns it for a login.
   * @default 100
   */
  maxPerUser?: number | ((identity: Identity) => Awaitable<number>) | undefined
  /**
   * What happens at a login of a user who has `maxPerUser` sessions. `'evict-oldest'` revokes the oldest ones. `'reject'` is a
   * 409 with the user's sessions. A function chooses one of them for each login. Another result is
   * `FRT_ERR_INVALID_CALLBACK_RESULT`.
   * @default 'evict-oldest'
   */
  onLimit?: OnLimit | ((identity: Identity, sessions: Session[]) => Awaitable<OnLimit>) | undefined
  /**
   * Called at each refresh, before the rotation. Returns `{ claims }` with new claims, `{}` to keep those of the session, or
   * `null` to revoke the session. Another result is `FRT_ERR_INVALID_IDENTITY`. Its errors pass through.
   */
  load?: ((sub: string, session: Session) => Awaitable<{ claims?: Claims } | null | undefined>) | undefined
  /**
   * Returns metadata of the request for the user's list of devices, at most 1,024 bytes of JSON. Called at login and at
   * each rotation.
   * @default the user agent and the IP address, shortened
   */
  metadata?: ((request: FastifyRequest) => Metadata) | undefined
}

/**
 * Options of a plugin route. Hooks run after the hooks of the plugin. `method`, `url` and `handler` are not allowed.
 */
export type RouteOverrides = Omit<
  RouteShorthandOptions,
  'validatorCompiler' | 'serializerCompiler' | 'schema'
> & {
  schema?: (FastifySchema & Record<string, unknown>) | undefined
  /** For any kind of schema. */
  validatorCompiler?: FastifySchemaCompiler<never> | undefined
  serializerCompiler?: FastifySerializerCompiler<never> | undefined
}

/** The routes. `true` adds a route, `false` omits it, and an object adds it with these options. */
export interface RoutesOptions {
  /** @default '/auth' */
  prefix?: string | undefined
  login?: RouteOverrides | boolean | undefined
  refresh?: RouteOverrides | boolean | undefined
  logout?: RouteOverrides | boolean | undefined
  logoutAll?: RouteOverrides | boolean | undefined
  logoutOthers?: RouteOverrides | boolean | undefined
  sessions?: RouteOverrides | boolean | undefined
  /**
   * The authentication that `POST /auth/logout-all`, `POST /auth/logout-others` and `DELETE /auth/sessions/:id` require. Without
   * it, any valid access token is enough.
   */
  stepUp?: RequiredAuthentication | undefined
  /**
   * `GET /.well-known/jwks.json` (RFC 7517), without the prefix: the public keys of `accessToken.keys`, for servers
   * that verify access tokens. Not available with `'HS256'`, because its keys must stay secret.
   * @default false
   */
  jwks?: RouteOverrides | boolean | undefined
  /**
   * `GET /.well-known/oauth-authorization-server` (RFC 8414), without the prefix: the endpoints of the plugin, so that
   * OAuth clients find them. Requires an https URL in `accessToken.issuer`, without query and fragment.
   * @default false
   */
  serverMetadata?: RouteOverrides | boolean | undefined
  /**
   * `POST /auth/introspect` (RFC 7662): tells another service whether an access token is active. Requires
   * `oauth.canIntrospect`.
   * @default false
   */
  introspect?: RouteOverrides | boolean | undefined
}

/** The options of the routes for OAuth clients and services. */
export interface OAuthOptions {
  /**
   * Members of the server metadata (RFC 8414, section 2), in addition to those of the plugin or instead of them, for
   * example `scopes_supported`, or URLs behind a proxy that changes paths.
   */
  serverMetadata?: { readonly [member: string]: unknown; readonly issuer?: never } | undefined
  /**
   * Returns whether the caller of the introspection route has authenticated, for example by HTTP Basic. Any other result
   * than `true` is a 401. Its errors pass through. Compare secrets in constant time.
   */
  canIntrospect?: ((request: FastifyRequest) => Awaitable<boolean>) | undefined
}

/** Origins, or a function that decides about one. */
export type TrustedOrigins = readonly string[] | ((origin: string, request: FastifyRequest) => boolean)

/** The options of the CSRF check. */
export interface CsrfOptions {
  /**
   * Other origins that may call the routes from a browser, for example `'https://app.example.com'`,
   * `'capacitor://localhost'` or `'chrome-extension://<id>'`. They are compared with the header `Origin` as it was sent.
   * A function returns whether an origin is trusted. It is called for origins that would be refused, but never for `null`.
   * @default []
   */
  trustedOrigins?: TrustedOrigins | undefined
}

/** How a guarded route checks that the session of an access token was not revoked. */
export interface RevocationOptions {
  /**
   * `'feed'` checks the memory of the process, which receives revocations within milliseconds unless its feed is stale.
   * `'store'` queries the store at each request. `'none'` accepts the token until it expires.
   * @default 'feed', or 'store' for your own store without `openFeed`
   */
  mode?: 'none' | 'store' | 'feed' | undefined
  /**
   * What to do while the feed is stale. `'allow'` uses the known revocations, so that a revoked session is accepted at
   * most for the lifetime of its access token. `'deny'` queries the store, and returns 503 if the store also fails.
   * @default 'allow'
   */
  onStale?: 'allow' | 'deny' | undefined
  /**
   * How long the feed stays fresh without a successful read, from 1 to 60 seconds.
   * @default '5s'
   */
  staleAfter?: Duration | undefined
}

/** Which writes survive the loss of a Redis master. */
export interface DurabilityOptions {
  /**
   * Number of replicas of a Redis master that must acknowledge a write (`WAIT`) before the response. If fewer acknowledge
   * within `storeTimeout`, the response is a 503. The writes are named by `of`.
   * @default 0
   */
  replicas?: number | undefined
  /**
   * The writes that wait for the replicas. After a 503:
   *
   * - `'revoke'`: the session is revoked. The plugin retries in the background until the replicas have the revocation.
   * - `'create'`: the login failed, and its session is revoked.
   * - `'rotate'`: the client keeps its refresh token, and can use it again. Requires `refreshToken.untilConfirmed`.
   * @default ['revoke']
   */
  of?: readonly ('revoke' | 'create' | 'rotate')[] | undefined
}

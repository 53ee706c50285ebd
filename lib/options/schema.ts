import type { AccessTokenOptions } from '../../types/access-token.js'
import type { BindingOptions } from '../../types/binding.js'
import type { FastifyRefreshTokenOptions, OAuthOptions, SessionOptions } from '../../types/options.js'
import type { RefreshTokenOptions } from '../../types/refresh-token.js'
import { requiredAuthentication } from '../tokens/authentication.js'
import { keysOrSource } from '../tokens/keys/parse-key.js'
import {
  boolean,
  type Check,
  duration,
  fn,
  listOf,
  matching,
  object,
  oneOf,
  optional,
  text,
  withDefault
} from '../utils/checks.js'
import {
  audience,
  bindingMode,
  clientId,
  clockTolerance,
  cookieDomain,
  cookieName,
  cookiePath,
  count,
  type FunctionOf,
  headerName,
  maxPerUser,
  onLimit,
  redis,
  route,
  secrets,
  serverMetadata,
  store,
  transport
} from './option-types.js'
import { trustedOrigins } from './trusted-origins.js'

/** Five years, however many of them are leap years. Less than six years. */
const MAX_LIFETIME_MS = 5 * 366 * 24 * 60 * 60 * 1000

const hook = <N extends 'login' | 'onLogin' | 'onRefresh' | 'onLogout' | 'onReuse'>(_name: N) =>
  optional(fn<FunctionOf<FastifyRefreshTokenOptions[N]>>())

/** Checks an optional group of options. */
const group = <T>(checks: { [K in keyof T]: Check<T[K]> }) => withDefault(object<T>(checks), {})

/** The check and the default of each option. Durations are resolved to milliseconds. */
export const optionsSchema = {
  login: hook('login'),
  secret: secrets,
  redis: optional(redis),
  store: optional(store),
  keyPrefix: withDefault(matching(/^[^{}]{1,64}$/, '1 to 64 characters without braces'), 'frt:'),
  storeTimeout: withDefault(duration({ max: 60_000 }), '2s'),
  reconnectOnFailover: withDefault(boolean, true),
  accessToken: group({
    ttl: withDefault(duration({ min: 1000, max: MAX_LIFETIME_MS }), '5m'),
    jitter: withDefault(duration({ min: 0 }), 0),
    issuer: optional(text),
    audience: optional(audience),
    clientId: optional(clientId),
    clockTolerance: withDefault(clockTolerance, 0),
    algorithm: withDefault(oneOf('HS256', 'EdDSA', 'ES256', 'RS256'), 'HS256'),
    keys: optional(keysOrSource),
    header: withDefault(headerName, 'authorization'),
    read: optional(fn<FunctionOf<AccessTokenOptions['read']>>()),
    cache: withDefault(count({ min: 0 }), 10_000)
  }),
  refreshToken: group({
    ttl: withDefault(duration({ min: 1000, max: MAX_LIFETIME_MS }), '14d'),
    grace: optional(duration({ min: 0 })),
    untilConfirmed: withDefault(boolean, true),
    confirms: optional(fn<FunctionOf<RefreshTokenOptions['confirms']>>()),
    allowReplay: optional(fn<FunctionOf<RefreshTokenOptions['allowReplay']>>()),
    rollback: withDefault(oneOf('accept-one', 'accept'), 'accept-one')
  }),
  session: group({
    ttl: withDefault(duration({ min: 1000, max: MAX_LIFETIME_MS }), '90d'),
    maxPerUser: withDefault(maxPerUser, 100),
    onLimit: withDefault(onLimit, 'evict-oldest'),
    load: optional(fn<FunctionOf<SessionOptions['load']>>()),
    metadata: optional(fn<FunctionOf<SessionOptions['metadata']>>())
  }),
  transport: withDefault(transport, 'cookie'),
  cookie: group({
    name: withDefault(cookieName, '__Host-refresh_token'),
    path: withDefault(cookiePath, '/'),
    domain: optional(cookieDomain),
    previous: withDefault(
      listOf(
        object({
          name: optional(cookieName),
          path: optional(cookiePath),
          domain: optional(cookieDomain),
          partitioned: optional(boolean)
        })
      ),
      []
    ),
    sameSite: withDefault(oneOf('strict', 'lax', 'none'), 'strict'),
    secure: withDefault(boolean, true),
    partitioned: withDefault(boolean, false)
  }),
  header: group({
    refreshToken: withDefault(headerName, 'x-refresh-token'),
    accessToken: withDefault(headerName, 'x-access-token')
  }),
  routes: group({
    prefix: withDefault(matching(/^(\/[^/]+)*$/, "'' or a path such as '/auth'"), '/auth'),
    login: withDefault(route, true),
    refresh: withDefault(route, true),
    logout: withDefault(route, true),
    logoutAll: withDefault(route, true),
    logoutOthers: withDefault(route, true),
    stepUp: optional(requiredAuthentication),
    sessions: withDefault(route, true),
    jwks: withDefault(route, false),
    serverMetadata: withDefault(route, false),
    introspect: withDefault(route, false)
  }),
  oauth: group({
    serverMetadata: optional(serverMetadata),
    canIntrospect: optional(fn<FunctionOf<OAuthOptions['canIntrospect']>>())
  }),
  binding: group({
    mode: withDefault(bindingMode, 'optional'),
    leeway: withDefault(duration({ min: 1000, max: 600_000 }), '1m'),
    nonce: withDefault(oneOf('when-needed', 'always'), 'when-needed'),
    address: optional(fn<FunctionOf<BindingOptions['address']>>()),
    remember: withDefault(count({ min: 0 }), 100_000)
  }),
  csrf: group({ trustedOrigins: withDefault(trustedOrigins, []) }),
  revocation: group({
    mode: optional(oneOf('none', 'store', 'feed')),
    onStale: withDefault(oneOf('allow', 'deny'), 'allow'),
    staleAfter: withDefault(duration({ min: 1000, max: 60_000 }), '5s')
  }),
  durability: group({
    replicas: withDefault(count({ min: 0 }), 0),
    of: optional(listOf(oneOf('revoke', 'create', 'rotate')))
  }),
  onLogin: hook('onLogin'),
  onRefresh: hook('onRefresh'),
  onLogout: hook('onLogout'),
  onReuse: hook('onReuse')
}

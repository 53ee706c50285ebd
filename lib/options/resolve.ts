import type { KeyPairs } from '../tokens/keys/access-token-keys.js'
import { keyPairs } from '../tokens/keys/key-pairs.js'
import type { KeySource } from '../tokens/keys/parse-key.js'
import { type Checked, object, refuse } from '../utils/checks.js'
import { shape } from './schema.js'

type Options = Checked<typeof shape>

/** What the options come to: every default filled in, every duration in milliseconds. Frozen. */
export type ResolvedOptions = Readonly<ReturnType<typeof resolveOptions>>

interface ResolvedKeys {
  keys: KeyPairs | undefined
  keySource: KeySource | undefined
}

const MAX_DEFAULT_GRACE_MS = 30_000

/**
 * Checks the options once and for all.
 * @throws `FRT_ERR_INVALID_OPTION`, which names the path and what would be right
 */
export function resolveOptions(given: unknown) {
  const checked = object<Options>(shape)(given, 'options')
  const { storeTimeout: storeTimeoutMs, ...others } = checked
  const { ttl: accessTtlMs, ...accessToken } = checked.accessToken
  const { ttl: idleTtlMs, grace, ...refreshToken } = checked.refreshToken
  const { ttl: sessionTtlMs, ...session } = checked.session
  const { staleAfter: staleAfterMs, onStale, replicas } = checked.revocation
  const graceMs = grace ?? Math.min(accessTtlMs / 10, MAX_DEFAULT_GRACE_MS)
  checkLogin(checked)
  checkStore(checked)
  checkCookie(checked)
  checkHeaders(checked)
  checkLifetimes(checked, graceMs)
  return Object.freeze({
    ...others,
    storeTimeoutMs,
    accessToken: Object.freeze({ ...accessToken, ...resolveKeys(checked), ttlMs: accessTtlMs }),
    refreshToken: Object.freeze({ ...refreshToken, ttlMs: idleTtlMs, graceMs }),
    session: Object.freeze({ ...session, ttlMs: sessionTtlMs }),
    revocation: Object.freeze({ mode: resolveMode(checked), onStale, staleAfterMs, replicas })
  })
}

function checkLogin({ login, routes }: Options): void {
  if (!login && routes.login !== false) refuse('login', 'a function, or routes.login false')
}

function checkStore({ redis, store, revocation: { replicas } }: Options): void {
  if (redis && store) refuse('store', 'left out where redis is given')
  if (replicas > 0 && !redis) refuse('revocation.replicas', 'left out where redis is not given')
}

/** The feed where it can be had, else the store is asked. */
function resolveMode({ store, revocation: { mode } }: Options): 'none' | 'store' | 'feed' {
  const hasFeed = !store || typeof store.openFeed === 'function'
  if (mode === 'feed' && !hasFeed) refuse('revocation.mode', "'store' or 'none': the store has no openFeed")
  return mode ?? (hasFeed ? 'feed' : 'store')
}

/** The keys as they were given, or whom to ask for them; neither where they come from the secret. */
function resolveKeys({ accessToken: { algorithm, keys: given }, routes }: Options): ResolvedKeys {
  if (algorithm !== 'HS256') {
    if (typeof given === 'function') return { keys: undefined, keySource: given }
    return { keys: keyPairs(given ?? [], algorithm, 'accessToken.keys'), keySource: undefined }
  }
  if (given) refuse('accessToken.keys', "left out where the algorithm is 'HS256': its keys come from secret")
  if (routes.jwks) refuse('routes.jwks', "false where the algorithm is 'HS256': whoever has its keys signs")
  return { keys: undefined, keySource: undefined }
}

/** What a browser would silently drop is said here instead (RFC 6265bis sections 4.1.2.7 and 4.1.3: in any case). */
function checkCookie({ cookie: { name: written, path, domain, sameSite, secure } }: Options): void {
  const name = written.toLowerCase()
  if (name.startsWith('__host-') && (!secure || domain !== undefined || path !== '/')) {
    refuse('cookie.name', "without '__Host-' unless secure is true, path is '/' and there is no domain")
  }
  if (name.startsWith('__secure-') && !secure) {
    refuse('cookie.name', "without '__Secure-' unless secure is true")
  }
  if (sameSite === 'none' && !secure) refuse('cookie.secure', "true where sameSite is 'none'")
}

function checkHeaders({ header: { accessToken, refreshToken } }: Options): void {
  if (accessToken === refreshToken) refuse('header.accessToken', 'another name than header.refreshToken')
}

function checkLifetimes({ accessToken, refreshToken }: Options, graceMs: number): void {
  if (3 * graceMs >= accessToken.ttl) {
    refuse(
      'refreshToken.grace',
      'less than a third of accessToken.ttl: a token rests for three times the grace'
    )
  }
  if (refreshToken.ttl <= 6 * graceMs) {
    refuse('refreshToken.ttl', 'more than six times refreshToken.grace')
  }
}

import type { KeyPairs } from '../tokens/keys/access-token-keys.js'
import { keyPairs } from '../tokens/keys/key-pairs.js'
import type { KeySource } from '../tokens/keys/parse-key.js'
import { type Checked, invalidOption, isObject, mustBe, object } from '../utils/checks.js'
import { isSecure } from '../utils/loopback.js'
import { optionsSchema } from './schema.js'

type Options = Checked<typeof optionsSchema>

/** The options with all defaults, and durations in milliseconds. Frozen. */
export type ResolvedOptions = Readonly<ReturnType<typeof resolveOptions>>

interface ResolvedKeys {
  keys: KeyPairs | undefined
  keySource: KeySource | undefined
}

const MAX_DEFAULT_GRACE_MS = 30_000

/**
 * Checks the options and fills in the defaults.
 * @throws {FRT_ERR_INVALID_OPTION} with a message that names the option and says what would be right
 */
export function resolveOptions(input: unknown) {
  rejectRegisterOptions(input)
  const checked = object<Options>(optionsSchema)(input, '')
  const { storeTimeout: storeTimeoutMs, ...others } = checked
  const {
    ttl: accessTtlMs,
    jitter: jitterMs,
    clockTolerance: clockToleranceMs,
    ...accessToken
  } = checked.accessToken
  const { ttl: idleTtlMs, grace, ...refreshToken } = checked.refreshToken
  const { ttl: sessionTtlMs, ...session } = checked.session
  const { leeway: leewayMs, ...binding } = checked.binding
  const { staleAfter: staleAfterMs, onStale } = checked.revocation
  const graceMs = grace ?? Math.min(accessTtlMs / 10, MAX_DEFAULT_GRACE_MS)
  checkLogin(checked)
  checkStore(checked)
  checkDurability(checked)
  checkHeaders(checked)
  checkOAuth(checked)
  checkLifetimes(checked, graceMs)
  checkBinding(checked)
  return Object.freeze({
    ...others,
    storeTimeoutMs,
    accessToken: Object.freeze({
      ...accessToken,
      ...resolveKeys(checked),
      ttlMs: accessTtlMs,
      jitterMs,
      clockToleranceMs
    }),
    refreshToken: Object.freeze({ ...refreshToken, ttlMs: idleTtlMs, graceMs }),
    session: Object.freeze({ ...session, ttlMs: sessionTtlMs }),
    cookie: Object.freeze(resolveCookie(checked)),
    binding: Object.freeze({ ...binding, leewayMs }),
    revocation: Object.freeze({ mode: resolveMode(checked), onStale, staleAfterMs }),
    durability: Object.freeze(resolveDurability(checked))
  })
}

/** Options of `register` that many plugins accept. Fastify ignores them for a plugin that adds decorators to its own scope. */
const REGISTER_OPTIONS: Record<string, string> = {
  prefix: 'use "routes.prefix"',
  logLevel: 'set it for each route, for example in "routes.login"',
  logSerializers: 'set them for each route, for example in "routes.login"'
}

function rejectRegisterOptions(input: unknown): void {
  for (const [name, instead] of Object.entries(REGISTER_OPTIONS)) {
    if (isObject(input) && name in input)
      invalidOption(`option "${name}" of register has no effect, ${instead}`)
  }
}

function checkLogin({ login, routes }: Options): void {
  if (!login && routes.login !== false) mustBe('login', 'a function, unless routes.login is false')
}

function checkStore({ redis, store }: Options): void {
  if (redis && store) invalidOption('options "redis" and "store" exclude each other')
}

function checkDurability({ durability: { replicas, of }, redis, store, refreshToken }: Options): void {
  if (replicas > 0 && !redis) mustBe('durability.replicas', '0 without the option "redis"')
  if (!of) return
  if (of.length === 0) mustBe('durability.of', 'an array with at least one write')
  if (replicas === 0 && !store?.waitForReplicas)
    mustBe('durability.replicas', 'at least 1 when durability.of is set')
  // A client whose refresh got 503 presents its token again, perhaps long after the grace period.
  if (of.includes('rotate') && !refreshToken.untilConfirmed)
    mustBe('refreshToken.untilConfirmed', 'true when durability.of includes "rotate"')
}

/** Resolves which writes wait for replicas. A custom store waits if it has the method. */
function resolveDurability({ durability: { replicas, of = ['revoke'] }, store }: Options) {
  const waitsFor = (write: (typeof of)[number]) =>
    (replicas > 0 || store?.waitForReplicas !== undefined) && of.includes(write)
  return { replicas, revoke: waitsFor('revoke'), create: waitsFor('create'), rotate: waitsFor('rotate') }
}

/** Uses the feed by default. A custom store without `openFeed` is queried instead. */
function resolveMode({ store, revocation: { mode } }: Options): 'none' | 'store' | 'feed' {
  const hasFeed = !store || typeof store.openFeed === 'function'
  if (mode === 'feed' && !hasFeed)
    mustBe('revocation.mode', "'store' or 'none', because the store has no openFeed method")
  return mode ?? (hasFeed ? 'feed' : 'store')
}

/** Returns the configured keys or their source. HS256 has neither, because its keys are derived from the secret. */
function resolveKeys({ accessToken: { algorithm, keys: configured }, routes }: Options): ResolvedKeys {
  if (algorithm !== 'HS256') {
    if (typeof configured === 'function') return { keys: undefined, keySource: configured }
    return { keys: keyPairs(configured ?? [], algorithm, 'accessToken.keys'), keySource: undefined }
  }
  if (configured)
    invalidOption(
      'option "accessToken.keys" is not allowed with HS256, because its keys are derived from the secret'
    )
  if (routes.jwks) mustBe('routes.jwks', 'false with HS256, because its keys must stay secret')
  return { keys: undefined, keySource: undefined }
}

/** Fills in the previous cookies and rejects those that a browser would not delete. */
function resolveCookie({ cookie }: Options) {
  const { name, path, sameSite, secure, partitioned } = cookie
  checkCookie(cookie, 'cookie')
  const previous = cookie.previous.map((each, at) => {
    const resolved = {
      name: each.name ?? name,
      path: each.path ?? path,
      domain: each.domain,
      partitioned: each.partitioned ?? partitioned
    }
    const option = `cookie.previous[${at}]`
    // A login would delete the cookie that it sets.
    if (identityOf(resolved) === identityOf(cookie))
      mustBe(option, 'different from the cookie in its name, path, domain or partitioned')
    checkCookie({ ...resolved, sameSite, secure }, option)
    return Object.freeze(resolved)
  })
  return { ...cookie, previous: Object.freeze(previous) }
}

type CookieAttributes = Omit<Options['cookie'], 'previous'>

type CookieIdentity = Pick<CookieAttributes, 'name' | 'path' | 'domain' | 'partitioned'>

/** Returns what identifies a cookie in a browser (RFC 6265, section 5.3, step 11). A partition is a store of its own. */
function identityOf({ name, path, domain, partitioned }: CookieIdentity): string {
  return JSON.stringify([name, path, domain?.toLowerCase().replace(/^\./, ''), partitioned])
}

/** Rejects cookies that a browser would silently drop (RFC 6265bis, sections 4.1.2.7 and 4.1.3; case-insensitive). */
function checkCookie(
  { name: written, path, domain, sameSite, secure, partitioned }: CookieAttributes,
  option: string
): void {
  const name = written.toLowerCase()
  if (name.startsWith('__host-') && (!secure || domain !== undefined || path !== '/')) {
    invalidOption(
      `option "${option}.name" may start with "__Host-" only if secure is true, path is "/" and domain is not set`
    )
  }
  if (name.startsWith('__secure-') && !secure) {
    invalidOption(`option "${option}.name" may start with "__Secure-" only if secure is true`)
  }
  if (sameSite === 'none' && !secure) mustBe(`${option}.secure`, 'true when sameSite is "none"')
  if (partitioned && !secure) mustBe(`${option}.secure`, 'true when partitioned is true')
}

/** A navigation of a browser carries no proof. A function as mode can decide by the request. */
function checkBinding({ binding, accessToken }: Options): void {
  if (binding.mode === 'required' && accessToken.read)
    mustBe('binding.mode', "'optional' or a function when accessToken.read is set")
}

function checkHeaders({ header: { accessToken, refreshToken } }: Options): void {
  if (accessToken === refreshToken) mustBe('header.accessToken', 'different from header.refreshToken')
}

function checkOAuth({ routes, oauth, accessToken: { issuer } }: Options): void {
  if (routes.introspect && !oauth.canIntrospect)
    mustBe('oauth.canIntrospect', 'a function if routes.introspect is enabled')
  if (routes.serverMetadata && !isIssuer(issuer))
    mustBe(
      'accessToken.issuer',
      "an https:// URL such as 'https://auth.example.com' if routes.serverMetadata is enabled"
    )
}

/** An issuer as in RFC 8414, section 2. Its path becomes a part of the path of a route, so it has only plain characters. */
function isIssuer(issuer: string | undefined): boolean {
  if (issuer === undefined || !URL.canParse(issuer)) return false
  const url = new URL(issuer)
  return isSecure(url) && /^[^/]+\/\/[^/@?#]+(\/[\w.~-]+)*\/?$/.test(issuer)
}

function checkLifetimes({ accessToken, refreshToken }: Options, graceMs: number): void {
  if (2 * accessToken.jitter > accessToken.ttl)
    mustBe('accessToken.jitter', 'at most half of accessToken.ttl')
  if (3 * graceMs >= accessToken.ttl - accessToken.jitter) {
    mustBe(
      'refreshToken.grace',
      accessToken.jitter > 0
        ? 'less than a third of accessToken.ttl minus accessToken.jitter, because the cooldown is three grace periods'
        : 'less than a third of accessToken.ttl, because the cooldown is three grace periods'
    )
  }
  if (refreshToken.ttl <= 6 * graceMs) {
    mustBe('refreshToken.ttl', 'more than six times refreshToken.grace')
  }
}

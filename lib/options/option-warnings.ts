import { MemoryStore } from '../store/memory/memory-store.js'
import type { ResolvedOptions } from './resolve.js'

/** Where the plugin runs. */
export interface Environment {
  /** The prefix of the scope that registers the plugin. */
  scopePrefix: string
  isClusterWorker: boolean
  isProduction: boolean
}

const DAY_MS = 86_400_000

/** Returns what is probably a mistake in valid options. The application logs it when it starts. */
export function optionWarnings(options: ResolvedOptions, environment: Environment): string[] {
  const warnings = [
    lifetimeWarning(options),
    storeWarning(options, environment),
    cookiePathWarning(options, environment)
  ]
  return warnings.filter((warning) => warning !== undefined)
}

/** A number of milliseconds becomes a thousand times as long. */
function lifetimeWarning({ accessToken: { ttlMs } }: ResolvedOptions): string | undefined {
  if (ttlMs <= DAY_MS) return undefined
  const days = (ttlMs / DAY_MS).toFixed(1)
  return `option "accessToken.ttl" is long (${days} days); a number without a unit is in seconds`
}

function storeWarning(
  { redis, store }: ResolvedOptions,
  { isClusterWorker, isProduction }: Environment
): string | undefined {
  const isDefault = !redis && !store
  if (isClusterWorker && (isDefault || store instanceof MemoryStore))
    return 'sessions are in the memory of one cluster worker; the other workers reject its refresh tokens'
  if (isProduction && isDefault)
    return 'sessions are in memory, because neither "redis" nor "store" is set; a restart logs out all users'
  return undefined
}

function cookiePathWarning(
  { cookie: { path }, transport, routes }: ResolvedOptions,
  { scopePrefix }: Environment
): string | undefined {
  if (transport === 'body' || transport === 'header') return undefined
  const names = (['refresh', 'logout'] as const).filter((name) => routes[name] !== false)
  const urls = names.map((name) => `${scopePrefix}${routes.prefix}/${name}`)
  if (urls.length === 0 || urls.some((url) => covers(path, url))) return undefined
  return `option "cookie.path" is '${path}', which does not cover '${urls[0]}'; browsers do not send the cookie, unless a proxy adds a prefix`
}

/** Compares as browsers do (RFC 6265, section 5.1.4). */
function covers(path: string, url: string): boolean {
  return url === path || url.startsWith(path.endsWith('/') ? path : `${path}/`)
}

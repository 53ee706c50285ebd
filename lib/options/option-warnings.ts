import type { ResolvedOptions } from './resolve.js'

const DAY_MS = 86_400_000

/** Returns what is probably a mistake in valid options. The application logs it when it starts. */
export function optionWarnings({ accessToken }: Pick<ResolvedOptions, 'accessToken'>): string[] {
  const warnings: string[] = []
  if (accessToken.ttlMs > DAY_MS) {
    const days = (accessToken.ttlMs / DAY_MS).toFixed(1)
    warnings.push(`option "accessToken.ttl" is long (${days} days); a number without a unit is in seconds`)
  }
  return warnings
}

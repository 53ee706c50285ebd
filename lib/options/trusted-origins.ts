import type { TrustedOrigins } from '../../types/options.js'
import { type Check, listOf, mustBe } from '../utils/checks.js'

const WEB = new Set(['https:', 'http:'])

/**
 * Checks an origin, which is compared with the header as it was sent. Apps and browser extensions have their own schemes,
 * for example `capacitor://localhost` or `app://.`. Every page can send `null`, and no browser sends a wildcard.
 */
const origin: Check<string> = (value, path) => {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  if (typeof value !== 'string' || !url || url.host === '' || value.includes('*')) {
    mustBe(path, "an origin without wildcards, such as 'https://app.example.com'")
  }
  const sent = WEB.has(url.protocol) ? url.origin : `${url.protocol}//${url.host}`
  return sent === value ? value : mustBe(path, `'${sent}', as browsers send it`)
}

export const trustedOrigins: Check<TrustedOrigins> = (value, path) =>
  typeof value === 'function'
    ? (value as Extract<TrustedOrigins, (...args: never[]) => unknown>)
    : Object.freeze(listOf(origin)(value, path))

import { get as getHttp, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import { withTimeout } from '../utils/timeout.js'

const TIMEOUT_MS = 5000

const MAX_BYTES = 64 * 1024

/** Limited, because parsing a key blocks the event loop for about a millisecond. */
const MAX_KEYS = 100

/** The response of a JWKS endpoint. It is a JWK Set (RFC 7517, section 5), but its keys are not checked yet. */
export interface JwksResponse {
  keys: readonly unknown[]
  /** How long the response may be cached, by its own headers. `undefined` if they do not say. */
  maxAgeMs: number | undefined
}

/**
 * Fetches the keys of a JWKS endpoint. Does not follow redirects, because they could lead to a host that the
 * application does not trust. Does not use `fetch`, because on Node.js 20 its abort signal can be garbage-collected,
 * and it then waits forever.
 *
 * @param timeoutMs limit for the complete response
 * @throws if the response is late, has another status than 200, is larger than 64 kB or has more than 100 keys
 */
export async function fetchJwks(url: string, timeoutMs = TIMEOUT_MS): Promise<JwksResponse> {
  const get = url.startsWith('https:') ? getHttps : getHttp
  const request = get(url, { headers: { accept: 'application/jwk-set+json, application/json' } })
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve).on('error', (error) => reject(toLoggableError(error)))
  }).then(read)
  const onTimeout = () => new Error(`no complete response within ${timeoutMs} ms`)
  // The timeout also ends a request whose connection closes without an event, for example after status 101.
  return withTimeout(response, timeoutMs, onTimeout).finally(() => request.destroy())
}

/** Returns a copy for the log. The original can contain the unparsable response or a certificate. */
function toLoggableError({ message, code }: NodeJS.ErrnoException): Error {
  return Object.assign(new Error(message), { code })
}

async function read(response: IncomingMessage): Promise<JwksResponse> {
  const { statusCode, headers } = response
  if (statusCode !== 200) throw new Error(`the response has status ${statusCode}`)
  return { keys: keysOf(await textOf(response)), maxAgeMs: maxAgeMs(headers) }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response) {
    length += chunk.length
    if (length > MAX_BYTES) throw new Error(`the response has more than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** The error messages contain no part of the response, because they are logged. */
function keysOf(text: string): readonly unknown[] {
  const keys = parse(text)?.keys
  if (!Array.isArray(keys)) throw new Error('the response is not a JWK Set')
  if (keys.length > MAX_KEYS) throw new Error(`the response has more than ${MAX_KEYS} keys`)
  return keys
}

function parse(text: string): { keys?: unknown } | null {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Returns the remaining freshness (RFC 9111, sections 4.2.1 and 5.1). `Age` is the time that it spent in caches. */
function maxAgeMs({ 'cache-control': control = '', age = '' }: IncomingHttpHeaders): number | undefined {
  if (/\bno-(store|cache)\b/i.test(control)) return 0
  const seconds = /\bmax-age="?(\d+)/i.exec(control)?.[1]
  const ageSeconds = /^\d+$/.test(age) ? Number(age) : 0
  return seconds === undefined ? undefined : (Number(seconds) - ageSeconds) * 1000
}

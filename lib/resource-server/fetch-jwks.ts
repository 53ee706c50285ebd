import { get as getHttp, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import { withTimeout } from '../utils/timeout.js'

const TIMEOUT_MS = 5000

const MAX_BYTES = 64 * 1024

/** To read each takes a millisecond, in which nobody is served. */
const MAX_KEYS = 100

/** What an endpoint answered, as it is: nothing has been checked but that it is a JWK Set (RFC 7517 section 5). */
export interface JwksAnswer {
  keys: readonly unknown[]
  /** How long it may be kept, by the endpoint's own word. */
  maxAgeMs: number | undefined
}

/**
 * Asks an endpoint for its keys, bounded in time and in size. It has to answer itself: a redirect could lead to
 * where nobody vouches for the keys. Not by `fetch`, which on Node.js 20 forgets its signal when memory is
 * collected, and waits for ever.
 */
export async function fetchJwks(url: string, timeoutMs = TIMEOUT_MS): Promise<JwksAnswer> {
  const get = url.startsWith('https:') ? getHttps : getHttp
  const request = get(url, { headers: { accept: 'application/jwk-set+json, application/json' } })
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve).on('error', (error) => reject(withoutAnswer(error)))
  }).then(read)
  const late = () => new Error(`no whole answer within ${timeoutMs} ms`)
  // A connection may also close without a word: after a 101, for example.
  return withTimeout(answer, timeoutMs, late).finally(() => request.destroy())
}

/** What cannot be parsed hangs on the error, and a certificate: neither is for the log. */
function withoutAnswer({ message, code }: NodeJS.ErrnoException): Error {
  return Object.assign(new Error(message), { code })
}

async function read(response: IncomingMessage): Promise<JwksAnswer> {
  const { statusCode, headers } = response
  if (statusCode !== 200) throw new Error(`the answer's status is ${statusCode}`)
  return { keys: keysOf(await textOf(response)), maxAgeMs: maxAgeMs(headers) }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response) {
    length += chunk.length
    if (length > MAX_BYTES) throw new Error(`the answer has more than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** The message quotes nothing of the answer, for it goes to the log. */
function keysOf(text: string): readonly unknown[] {
  const keys = parse(text)?.keys
  if (!Array.isArray(keys)) throw new Error('the answer is no JWK Set')
  if (keys.length > MAX_KEYS) throw new Error(`the answer has more than ${MAX_KEYS} keys`)
  return keys
}

function parse(text: string): { keys?: unknown } | null {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** RFC 9111 sections 4.2.1 and 5.1: a cache on the way may have held it for some time. */
function maxAgeMs({ 'cache-control': control = '', age = '' }: IncomingHttpHeaders): number | undefined {
  if (/\bno-(store|cache)\b/i.test(control)) return 0
  const seconds = /\bmax-age="?(\d+)/i.exec(control)?.[1]
  const heldSeconds = /^\d+$/.test(age) ? Number(age) : 0
  return seconds === undefined ? undefined : (Number(seconds) - heldSeconds) * 1000
}

import { equal, match, notEqual, ok } from 'node:assert/strict'
import { errorCodes, type LightMyRequestResponse } from 'fastify'

const COOKIE = '__Host-refresh_token'
const CLEARS = new Set(['/auth/logout', '/auth/logout-all'])

/** What was asked. */
export interface Asked {
  method: string
  url: string
}

/** What every answer must be, whatever was asked: throws if it is not. */
export function isOrderly(response: LightMyRequestResponse, { method, url }: Asked): void {
  const { statusCode, headers, body } = response
  const what = `${method} ${url.slice(0, 60)}: ${statusCode} ${body.slice(0, 200)}`
  ok(statusCode < 500 || codeOf(response) === 'FRT_ERR_INVALID_IDENTITY', what)
  if (statusCode >= 400) hasErrorShape(response, method)
  if (statusCode === 401) match(String(headers['www-authenticate']), /^Bearer realm="api"/, what)
  if (isOfThePlugin(response, { method, url })) equal(headers['cache-control'], 'no-store', what)
  if (statusCode >= 400) equal(headers['set-cookie'], undefined, what)
  const isCleared = String(headers['set-cookie'] ?? '').startsWith(`${COOKIE}=;`)
  if (isCleared) ok(CLEARS.has(url.split('?')[0] ?? ''), what)
  for (const value of Object.values(headers).flat()) {
    ok(!/[\r\n\0]/.test(String(value)), `${what}: a header of two lines`)
  }
}

export function codeOf(response: LightMyRequestResponse): unknown {
  try {
    return response.json().code
  } catch {
    return undefined
  }
}

/** What the plugin answers, and no one else. */
const ROUTES =
  /^(POST \/auth\/(login|refresh|logout|logout-all)|(GET|HEAD) \/auth\/sessions|DELETE \/auth\/sessions\/[^/]+)$/

function isOfThePlugin(response: LightMyRequestResponse, { method, url }: Asked): boolean {
  return ROUTES.test(`${method} ${url.split('?')[0]}`) && !isNotFound(response)
}

/** What Fastify's router refuses by itself: an address that it cannot read, or that leads nowhere. */
const ROUTER_CODES = new Set<unknown>(['FST_ERR_BAD_URL', 'FST_ERR_MAX_PARAM_LENGTH'])

function isNotFound(response: LightMyRequestResponse): boolean {
  const code = codeOf(response)
  return (response.statusCode === 404 && code === undefined) || ROUTER_CODES.has(code)
}

/** Before 5.5 Fastify answers JSON that cannot be parsed without a code. */
const NAMES_BAD_JSON = 'FST_ERR_CTP_INVALID_JSON_BODY' in errorCodes

/** Fastify's shape with a code, or that of RFC 6749 section 5.2. */
function hasErrorShape(response: LightMyRequestResponse, method: string): void {
  if (method === 'HEAD') return
  const { statusCode, code, error, message, error_description } = response.json()
  notEqual(error, undefined, response.body)
  if (error_description !== undefined) {
    equal(response.statusCode, 400)
    match(error, /^(invalid_request|invalid_grant|unsupported_grant_type)$/)
    return
  }
  equal(statusCode, response.statusCode, response.body)
  equal(typeof message, 'string', response.body)
  if (statusCode === 400 && code === undefined && !NAMES_BAD_JSON) return
  if (!isNotFound(response)) match(String(code), /^(FRT|FST)_ERR_[A-Z_]+$/, response.body)
}

import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict'
import { errorCodes, type LightMyRequestResponse } from 'fastify'
import { refreshCookiesIn } from '../support/refresh-cookie.js'

const COOKIE = '__Host-refresh_token'
const COOKIE_CLEARING_ROUTES = new Set(['/auth/logout', '/auth/logout-all'])

/** The request of a response. */
export interface RequestLine {
  method: string
  url: string
}

/** Asserts what every response must satisfy, for any request. */
export function checkResponse(response: LightMyRequestResponse, { method, url }: RequestLine): void {
  const { statusCode, headers, body } = response
  const what = `${method} ${url.slice(0, 60)}: ${statusCode} ${body.slice(0, 200)}`
  ok(statusCode < 500 || codeOf(response) === 'FRT_ERR_INVALID_IDENTITY', what)
  if (statusCode >= 400) checkErrorShape(response, method)
  if (statusCode === 401) match(String(headers['www-authenticate']), /^(Bearer|DPoP) realm="api"/, what)
  if (isPluginResponse(response, { method, url })) equal(headers['cache-control'], 'no-store', what)
  if (statusCode >= 400) deepEqual(refreshCookiesIn(response), [], what)
  const isCleared = String(headers['set-cookie'] ?? '').startsWith(`${COOKIE}=;`)
  if (isCleared) ok(COOKIE_CLEARING_ROUTES.has(url.split('?')[0] ?? ''), what)
  for (const value of Object.values(headers).flat()) {
    ok(!/[\r\n\0]/.test(String(value)), `${what}: a header has a line break`)
  }
}

export function codeOf(response: LightMyRequestResponse): unknown {
  try {
    return response.json().code
  } catch {
    return undefined
  }
}

/** The routes that only the plugin handles. */
const ROUTES =
  /^(POST \/auth\/(login|refresh|logout|logout-all)|(GET|HEAD) \/auth\/sessions|DELETE \/auth\/sessions\/[^/]+)$/

function isPluginResponse(response: LightMyRequestResponse, { method, url }: RequestLine): boolean {
  return ROUTES.test(`${method} ${url.split('?')[0]}`) && !isNotFound(response)
}

/** The errors of the router of Fastify, for URLs that it cannot parse or that have no route. */
const ROUTER_CODES = new Set<unknown>(['FST_ERR_BAD_URL', 'FST_ERR_MAX_PARAM_LENGTH'])

function isNotFound(response: LightMyRequestResponse): boolean {
  const code = codeOf(response)
  return (response.statusCode === 404 && code === undefined) || ROUTER_CODES.has(code)
}

/** Before version 5.5, the error of Fastify for invalid JSON has no code. */
const HAS_INVALID_JSON_CODE = 'FST_ERR_CTP_INVALID_JSON_BODY' in errorCodes

/** Asserts the error shape of Fastify with a code, or that of RFC 6749, section 5.2. */
function checkErrorShape(response: LightMyRequestResponse, method: string): void {
  if (method === 'HEAD') return
  const { statusCode, code, error, message, error_description } = response.json()
  notEqual(error, undefined, response.body)
  if (error_description !== undefined) {
    equal(response.statusCode, 400)
    match(error, /^(invalid_request|invalid_grant|unsupported_grant_type|invalid_dpop_proof|use_dpop_nonce)$/)
    return
  }
  equal(statusCode, response.statusCode, response.body)
  equal(typeof message, 'string', response.body)
  if (statusCode === 400 && code === undefined && !HAS_INVALID_JSON_CODE) return
  if (!isNotFound(response)) match(String(code), /^(FRT|FST)_ERR_[A-Z_]+$/, response.body)
}

import { equal, notEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { buildApp } from '../support/build-app.js'
import { fuzz } from './fuzz.js'
import { checkResponse } from './response-checks.js'
import { damaged, oddText } from './strings.js'

const types = fc.constantFrom(
  'application/x-www-form-urlencoded',
  'application/x-www-form-urlencoded; charset=UTF-8',
  'application/x-www-form-urlencoded;charset="utf-8"',
  'Application/X-WWW-Form-URLEncoded'
)

const others = fc
  .tuple(
    fc.oneof(fc.constantFrom('client_id', 'scope', 'token_type_hint', '__proto__', 'constructor'), oddText),
    oddText
  )
  .filter(([name]) => !['grant_type', 'refresh_token', 'token'].includes(name))

/** Encodes text for a form body. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

const encodeForm = (pairs: (readonly [string, string])[]) =>
  pairs.map((pair) => pair.map(encode).join('=')).join('&')

t.test('a refresh with any parameters gets the response of RFC 6749', async (t) => {
  const { app } = await buildApp(t, { server: { logger: false } })
  const { refreshToken, session } = await app.sessions.create({ sub: 'ada' })
  const pairs = fc
    .tuple(
      fc.array(fc.constantFrom('refresh_token', 'password', '', 'REFRESH_TOKEN', 'authorization_code'), {
        maxLength: 2
      }),
      fc.array(damaged(refreshToken), { maxLength: 2 }),
      fc.array(others, { maxLength: 3 })
    )
    .chain(([grants, tokens, more]) =>
      fc.shuffledSubarray(
        [
          ...grants.map((grant) => ['grant_type', grant] as const),
          ...tokens.map((token) => ['refresh_token', token] as const),
          ...more
        ],
        { minLength: grants.length + tokens.length + more.length }
      )
    )

  await fuzz(t, fc.tuple(types, pairs), async ([type, pairs]) => {
    const request = { method: 'POST', url: '/auth/refresh' } as const
    const payload = encodeForm(pairs)
    const response = await app.inject({ ...request, headers: { 'content-type': type }, payload })
    checkResponse(response, request)
    if (payload.length < 16_384) equal(response.json().error, expectedError(pairs), payload)
    equal((await app.sessions.get(session.sid))?.gen, 1)
  })

  const fields = fc.array(others, { maxLength: 3 }).filter((more) => !isRepeated(more))
  let token = refreshToken
  await fuzz(t, fc.tuple(types, fields, fc.boolean()), async ([type, more, isFirst]) => {
    const asksForScope = more.some(([name, value]) => name === 'scope' && value !== '')
    const own = [['grant_type', 'refresh_token'] as const, ['refresh_token', token] as const]
    const payload = encodeForm(isFirst ? [...own, ...more] : [...more, ...own])
    const headers = { 'content-type': type }
    const response = await app.inject({ method: 'POST', url: '/auth/refresh', headers, payload })
    equal(response.headers['set-cookie'], undefined)
    if (asksForScope) return equal(response.json().error, 'invalid_scope', payload)
    equal(response.statusCode, 200, payload)
    notEqual(response.json().refresh_token, undefined)
    token = response.json().refresh_token
  })
})

/** Returns the error code of RFC 6749, section 5.2, or the error of a form that is not an OAuth request and has no cookie. */
function expectedError(pairs: (readonly [string, string])[]): string {
  if (!pairs.some(([name]) => ['grant_type', 'refresh_token', 'token'].includes(name))) return 'Unauthorized'
  const first = (key: string) => pairs.find(([name]) => name === key)?.[1] ?? ''
  if (isRepeated(pairs) || first('grant_type') === '') return 'invalid_request'
  if (first('grant_type') !== 'refresh_token') return 'unsupported_grant_type'
  return first('refresh_token') === '' ? 'invalid_request' : 'invalid_grant'
}

function isRepeated(pairs: (readonly [string, string])[]): boolean {
  const names = pairs.map(([name]) => name.toWellFormed())
  return new Set(names).size < names.length
}

t.test('a revocation of an invalid token is 200 and revokes nothing', async (t) => {
  const { app } = await buildApp(t, { server: { logger: false } })
  const { refreshToken, accessToken, session } = await app.sessions.create({ sub: 'ada' })
  const tokens = fc.oneof(damaged(refreshToken), damaged(accessToken), oddText)
  await fuzz(t, fc.tuple(types, tokens, fc.array(others, { maxLength: 2 })), async ([type, token, more]) => {
    const request = { method: 'POST', url: '/auth/logout' } as const
    const pairs = [['token', token] as const, ...more]
    const payload = encodeForm(pairs)
    const response = await app.inject({ ...request, headers: { 'content-type': type }, payload })
    checkResponse(response, request)
    if (payload.length < 16_384)
      equal(response.statusCode, token === '' || isRepeated(pairs) ? 400 : 200, payload)
    equal(response.headers['set-cookie'], undefined, 'a form request sets no cookie')
    equal((await app.sessions.get(session.sid))?.gen, 1)
  })
})

import { equal, match } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { buildApp } from '../support/build-app.js'
import { fuzz } from './fuzz.js'
import { checkResponse, codeOf } from './response-checks.js'
import { damaged } from './strings.js'

t.test('an access token is accepted only after Bearer and spaces', async (t) => {
  const { app } = await buildApp(t, { server: { logger: false } })
  const { accessToken, refreshToken, session } = await app.sessions.create({ sub: 'ada' })
  const scheme = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('Bearer', 'bearer', 'BEARER', 'bEaReR') },
    {
      weight: 1,
      arbitrary: fc.constantFrom('Basic', 'Token', 'DPoP', 'Bearer:', 'Bearer,', '"Bearer"', 'Bearerx', '')
    }
  )
  const space = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(' ', '  ', ' '.repeat(100)) },
    { weight: 1, arbitrary: fc.constantFrom('', '\t', ' \t', '\xa0', ',', ' , ', '=') }
  )
  const token = fc.oneof(
    { weight: 3, arbitrary: fc.constant(accessToken) },
    { weight: 1, arbitrary: damaged(accessToken) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        ...[
          `${accessToken} ${accessToken}`,
          `${accessToken},${accessToken}`,
          `${accessToken}, Bearer ${accessToken}`
        ],
        ...[
          refreshToken,
          'x'.repeat(65_536),
          `Bearer ${accessToken}`,
          `"${accessToken}"`,
          `token=${accessToken}`
        ]
      )
    }
  )
  const paths = fc.constantFrom(
    { method: 'GET', url: '/me' } as const,
    { method: 'GET', url: '/auth/sessions' } as const,
    { method: 'DELETE', url: `/auth/sessions/${'x'.repeat(32)}` } as const
  )
  await fuzz(t, fc.tuple(scheme, space, token, paths), async ([scheme, space, token, request]) => {
    const header = scheme + space + token
    const response = await app.inject({ ...request, headers: { authorization: header } })
    checkResponse(response, request)
    const isValid = /^bearer +/i.test(header) && header.replace(/^bearer +/i, '') === accessToken
    if (isValid) match(String(response.statusCode), request.method === 'DELETE' ? /404/ : /200/)
    else equal(response.statusCode, 401, JSON.stringify({ scheme, space, token: token.slice(0, 300) }))
  })
  t.equal((await app.sessions.get(session.sid))?.gen, 1)
})

t.test('a custom header accepts the token with or without Bearer', async (t) => {
  const { app } = await buildApp(t, {
    server: { logger: false },
    options: { accessToken: { header: 'x-auth-token' } }
  })
  const { accessToken } = await app.sessions.create({ sub: 'ada' })
  const prefix = fc.constantFrom('', 'Bearer ', 'bearer  ', 'Basic ', ' ', '\t', ',', 'Bearer\t', 'Bearer')
  await fuzz(t, fc.tuple(prefix, damaged(accessToken), fc.boolean()), async ([prefix, other, isDamaged]) => {
    const value = prefix + (isDamaged ? other : accessToken)
    const request = { method: 'GET', url: '/me' } as const
    const response = await app.inject({
      ...request,
      headers: { 'x-auth-token': value, authorization: `Bearer ${accessToken}` }
    })
    checkResponse(response, request)
    const isValid = !isDamaged && ['', 'Bearer ', 'bearer  '].includes(prefix)
    equal(response.statusCode, isValid ? 200 : 401, JSON.stringify(value.slice(0, 200)))
  })
})

t.test('a list of refresh tokens in the header is rejected', async (t) => {
  const { app } = await buildApp(t, { server: { logger: false }, options: { transport: 'header' } })
  const [own, other] = [
    await app.sessions.create({ sub: 'ada' }),
    await app.sessions.create({ sub: 'grace' })
  ]
  const lists = fc
    .array(fc.oneof(fc.constantFrom(own.refreshToken, other.refreshToken), damaged(own.refreshToken)), {
      minLength: 2,
      maxLength: 4
    })
    .chain((values) => fc.constantFrom(', ', ',', ' ', '; ', '\t').map((between) => values.join(between)))
    .filter((value) => ![own.refreshToken, other.refreshToken].includes(value.trim()))
  await fuzz(t, lists, async (value) => {
    const request = { method: 'POST', url: '/auth/refresh' } as const
    const response = await app.inject({ ...request, headers: { 'x-refresh-token': value } })
    checkResponse(response, request)
    match(String(codeOf(response)), /^FRT_ERR_(REFRESH_TOKEN_INVALID|NO_REFRESH_TOKEN)$/)
    for (const { session } of [own, other]) equal((await app.sessions.get(session.sid))?.gen, 1)
  })
})

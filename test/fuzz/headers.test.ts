import { deepEqual, equal, match } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { buildApp } from '../helpers/build-app.js'
import { fuzz } from './fuzz.js'
import { codeOf, isOrderly } from './orderly.js'
import { anyText, damaged, headerText } from './strings.js'

const COOKIE = '__Host-refresh_token'
const JSON_TYPE = { 'content-type': 'application/json' }

t.test('an access token is let in after Bearer and spaces, and in no other way', async (t) => {
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
    { method: 'DELETE', url: `/auth/sessions/${'x'.repeat(27)}` } as const
  )
  await fuzz(t, fc.tuple(scheme, space, token, paths), async ([scheme, space, token, asked]) => {
    const response = await app.inject({ ...asked, headers: { authorization: scheme + space + token } })
    isOrderly(response, asked)
    const isRight = scheme.toLowerCase() === 'bearer' && /^ +$/.test(space) && token === accessToken
    if (isRight) match(String(response.statusCode), asked.method === 'DELETE' ? /404/ : /200/)
    else equal(response.statusCode, 401, JSON.stringify({ scheme, space, token: token.slice(0, 300) }))
  })
  t.equal((await app.sessions.get(session.sid))?.gen, 1)
})

t.test('a header of the application’s own carries the token with or without Bearer', async (t) => {
  const { app } = await buildApp(t, {
    server: { logger: false },
    options: { accessToken: { header: 'x-auth-token' } }
  })
  const { accessToken } = await app.sessions.create({ sub: 'ada' })
  const around = fc.constantFrom('', 'Bearer ', 'bearer  ', 'Basic ', ' ', '\t', ',', 'Bearer\t', 'Bearer')
  await fuzz(t, fc.tuple(around, damaged(accessToken), fc.boolean()), async ([before, other, isDamaged]) => {
    const value = before + (isDamaged ? other : accessToken)
    const asked = { method: 'GET', url: '/me' } as const
    const response = await app.inject({
      ...asked,
      headers: { 'x-auth-token': value, authorization: `Bearer ${accessToken}` }
    })
    isOrderly(response, asked)
    const isRight = !isDamaged && ['', 'Bearer ', 'bearer  '].includes(before)
    equal(response.statusCode, isRight ? 200 : 401, JSON.stringify(value.slice(0, 200)))
  })
})

t.test('a list of refresh tokens in the header is none', async (t) => {
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
    const asked = { method: 'POST', url: '/auth/refresh' } as const
    const response = await app.inject({ ...asked, headers: { 'x-refresh-token': value } })
    isOrderly(response, asked)
    match(String(codeOf(response)), /^FRT_ERR_(REFRESH_TOKEN_INVALID|NO_REFRESH_TOKEN)$/)
    for (const { session } of [own, other]) equal((await app.sessions.get(session.sid))?.gen, 1)
  })
})

t.test('no page of another site gets in, whatever else it makes a browser or a proxy send', async (t) => {
  const { app } = await buildApp(t, {
    server: { logger: false },
    options: { csrf: { trustedOrigins: ['https://trusted.example'] } }
  })
  const { refreshToken, session } = await app.sessions.create({ sub: 'honest' })
  const host = fc.constantFrom(
    'app.example',
    'app.example:443',
    'APP.example',
    'localhost',
    '127.0.0.1:3000',
    '[::1]'
  )
  const evil = fc.oneof(
    fc.constantFrom(
      ...['null', '', 'https://evil.example', 'https://app.example.evil.example', 'https://evilapp.example'],
      ...[
        'https://app.example@evil.example',
        'https://evil.example/app.example',
        'https://evil.example#app.example'
      ],
      ...[
        'http://app.example',
        'https://app.example:444',
        'https://sub.app.example',
        'https://example',
        'file://'
      ],
      ...[
        'https://trusted.example.evil',
        'https://trusted.example:8443',
        'http://trusted.example',
        'data:',
        '*'
      ],
      ...[
        'https://TRUSTED.example',
        'https://trusted.example/',
        ' https://trusted.example',
        'chrome-extension://x'
      ],
      ...[
        'https://xn--80ak6aa92e.com',
        'https://app。example.evil',
        'https://evil.example, https://app.example'
      ],
      ...['https://trusted.example, https://evil.example', 'javascript://app.example/%0a', '//app.example']
    ),
    headerText().filter((text) => !/app\.example|localhost|127\.|::1/i.test(text))
  )
  const more = fc.dictionary(
    fc.constantFrom(
      ...[
        'x-forwarded-host',
        'x-forwarded-proto',
        'x-forwarded-for',
        'forwarded',
        'x-original-host',
        'referer'
      ],
      ...['x-host', 'via', 'x-http-method-override', 'sec-fetch-mode', 'sec-fetch-dest', 'x-requested-with']
    ),
    fc.oneof(
      fc.constantFrom(
        'evil.example',
        'https://evil.example',
        'https',
        'host=evil.example',
        'GET',
        'navigate',
        'cors'
      ),
      headerText()
    ),
    { maxKeys: 4, noNullPrototype: true }
  )
  const urls = fc.constantFrom('/auth/refresh', '/auth/logout', '/auth/login')

  await fuzz(t, fc.tuple(host, evil, more, urls, fc.boolean()), async ([host, origin, more, url, says]) => {
    const asked = { method: 'POST', url } as const
    const site = says ? { 'sec-fetch-site': 'cross-site' } : {}
    const response = await app.inject({
      ...asked,
      headers: { ...more, ...site, ...JSON_TYPE, host, origin, cookie: `${COOKIE}=${refreshToken}` },
      payload: { sub: 'eve' }
    })
    isOrderly(response, asked)
    equal(codeOf(response), 'FRT_ERR_CROSS_ORIGIN', JSON.stringify({ host, origin, more }))
    equal((await app.sessions.get(session.sid))?.gen, 1)
    deepEqual(await app.sessions.list('eve'), [])
  })

  const sites = fc.oneof(
    fc.constantFrom(
      'cross-site',
      'same-site',
      'SAME-ORIGIN',
      'same-origin, cross-site',
      '',
      'none ',
      '?1',
      'null'
    ),
    headerText(20).filter((text) => !['same-origin', 'none'].includes(text.trim()))
  )
  await fuzz(t, fc.tuple(host, sites, urls), async ([host, site, url]) => {
    const asked = { method: 'POST', url } as const
    const headers = { host, 'sec-fetch-site': site, cookie: `${COOKIE}=${refreshToken}`, ...JSON_TYPE }
    const response = await app.inject({ ...asked, headers, payload: { sub: 'eve' } })
    isOrderly(response, asked)
    equal(codeOf(response), 'FRT_ERR_CROSS_ORIGIN', site)
    equal((await app.sessions.get(session.sid))?.gen, 1)
  })

  await fuzz(t, fc.tuple(host, more), async ([host, more]) => {
    const asked = { method: 'POST', url: '/auth/login' } as const
    const response = await app.inject({
      ...asked,
      headers: { ...more, ...JSON_TYPE, host, origin: `https://${host}` },
      payload: { sub: 'ada' }
    })
    isOrderly(response, asked)
    equal(response.statusCode, 200, `its own page at ${host}`)
  })
})

t.test('an id that is not one of the user’s own sessions ends none', async (t) => {
  const { app } = await buildApp(t, { server: { logger: false } })
  const own = await app.sessions.create({ sub: 'ada' })
  const other = await app.sessions.create({ sub: 'grace' })
  const sid = fc.constantFrom(own.session.sid, other.session.sid)
  const at = fc.nat({ max: 26 })
  const ids = fc
    .oneof(
      anyText().map((text) => encodeURIComponent(text.toWellFormed())),
      fc.string(),
      fc.constant(other.session.sid),
      fc
        .tuple(sid, at, fc.constantFrom(...'Az0-_'))
        .map(([id, i, c]) => id.slice(0, i) + c + id.slice(i + 1)),
      sid.chain((id) =>
        fc.constantFrom(
          ...[
            id.toLowerCase(),
            id.toUpperCase(),
            `${id}=`,
            `${id}%00`,
            `%20${id}`,
            `${id}%0a`,
            `${id}/`,
            `/${id}`
          ],
          ...[
            `${id},${id}`,
            `${id}%2c${id}`,
            `..%2f${id}`,
            `${id}%`,
            `%zz${id}`,
            'x'.repeat(5000),
            '*',
            '%2a'
          ],
          ...['__proto__', 'constructor', '..', '.', '%2e%2e', '%E0%A4%A', `${id};x=1`]
        )
      )
    )
    .filter((id) => decoded(id) !== own.session.sid)

  await fuzz(t, ids, async (id) => {
    // What stands in an address as it is.
    const url = `/auth/sessions/${id.replaceAll(/[^\x21-\x7e]|[#?]/g, (text) => encodeURIComponent(text.toWellFormed()))}`
    const asked = { method: 'DELETE', url } as const
    const headers = { authorization: `Bearer ${own.accessToken}` }
    const response = await app.inject({ ...asked, headers })
    isOrderly(response, asked)
    match(String(response.statusCode), /^(400|404|414)$/, url)
    for (const { session } of [own, other]) equal((await app.sessions.get(session.sid))?.gen, 1, url)
  })
})

/** The last part of what an address with it would name, as browsers and proxies read it. */
function decoded(id: string): string | undefined {
  try {
    return decodeURIComponent(id).split(/[;?#]/)[0]
  } catch {
    return undefined
  }
}

import { deepEqual, equal } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { buildApp } from '../support/build-app.js'
import { fuzz } from './fuzz.js'
import { checkResponse, codeOf } from './response-checks.js'
import { headerText } from './strings.js'

const COOKIE = '__Host-refresh_token'
const JSON_TYPE = { 'content-type': 'application/json' }

t.test('a cross-site request is rejected with any other headers', async (t) => {
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

  await fuzz(
    t,
    fc.tuple(host, evil, more, urls, fc.boolean()),
    async ([host, origin, more, url, hasFetchSite]) => {
      const request = { method: 'POST', url } as const
      const site = hasFetchSite ? { 'sec-fetch-site': 'cross-site' } : {}
      const response = await app.inject({
        ...request,
        headers: { ...more, ...site, ...JSON_TYPE, host, origin, cookie: `${COOKIE}=${refreshToken}` },
        payload: { sub: 'eve' }
      })
      checkResponse(response, request)
      equal(codeOf(response), 'FRT_ERR_CROSS_ORIGIN', JSON.stringify({ host, origin, more }))
      equal((await app.sessions.get(session.sid))?.gen, 1)
      deepEqual(await app.sessions.list('eve'), [])
    }
  )

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
    const request = { method: 'POST', url } as const
    const headers = { host, 'sec-fetch-site': site, cookie: `${COOKIE}=${refreshToken}`, ...JSON_TYPE }
    const response = await app.inject({ ...request, headers, payload: { sub: 'eve' } })
    checkResponse(response, request)
    equal(codeOf(response), 'FRT_ERR_CROSS_ORIGIN', site)
    equal((await app.sessions.get(session.sid))?.gen, 1)
  })

  await fuzz(t, fc.tuple(host, more), async ([host, more]) => {
    const request = { method: 'POST', url: '/auth/login' } as const
    const response = await app.inject({
      ...request,
      headers: { ...more, ...JSON_TYPE, host, origin: `https://${host}` },
      payload: { sub: 'ada' }
    })
    checkResponse(response, request)
    equal(response.statusCode, 200, `same-origin page at ${host}`)
  })
})

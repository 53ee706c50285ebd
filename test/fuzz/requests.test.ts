import { equal } from 'node:assert/strict'
import fc from 'fast-check'
import type { HTTPMethods } from 'fastify'
import t from 'tap'
import type { Tokens, Transport } from '../../lib/index.js'
import { buildApp } from '../support/build-app.js'
import { fuzz } from './fuzz.js'
import { checkResponse } from './response-checks.js'
import { damaged, headerText, ODD_TEXTS, oddText } from './strings.js'

const PATHS = ['login', 'refresh', 'logout', 'logout-all', 'sessions', 'sessions/x'].map(
  (path) => `/auth/${path}`
)
const METHODS: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']
const KEYS = [
  'refresh_token',
  'token',
  'grant_type',
  'sub',
  'claims',
  'metadata',
  'remember',
  'ttl',
  'password'
]
const POLLUTION = ['__proto__', 'constructor', 'prototype', 'toString', 'length']

const paths = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...PATHS) },
  { weight: 1, arbitrary: fc.constantFrom('/me', '/auth', '/auth/', '/auth//refresh', '/', '/auth/refresh/') }
)
const queries = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '?__proto__[admin]=1',
      '?constructor[prototype][admin]=1',
      '?__proto__=1&__proto__=2',
      '?a=1&a=2',
      '?%',
      '?%E0%A4%A',
      `?${'a=1&'.repeat(2000)}`,
      '?refresh_token=x'
    )
  }
)

const types = fc.oneof(
  { weight: 4, arbitrary: fc.constant('application/json') },
  { weight: 4, arbitrary: fc.constant('application/x-www-form-urlencoded') },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...['application/json; charset=utf-8', 'application/json;charset=utf-16', 'APPLICATION/JSON'],
      ...['application/json; charset="', 'application/json, application/json', 'application/jsonp', '*/*'],
      ...['application/x-www-form-urlencoded; charset=utf-7', 'APPLICATION/X-WWW-FORM-URLENCODED'],
      ...['application/x-www-form-urlencoded, application/json', ' application/x-www-form-urlencoded'],
      ...['multipart/form-data; boundary=x', 'multipart/form-data', 'text/plain', 'application/xml', ''],
      ...['application/x-www-form-urlencoded\t;', ';', '/', 'application/', 'constructor', '__proto__']
    )
  },
  { weight: 1, arbitrary: headerText(30) }
)

const json = fc.oneof(
  fc.json(),
  fc
    .dictionary(
      fc.oneof(fc.constantFrom(...KEYS, ...POLLUTION), oddText),
      fc.oneof(fc.jsonValue(), oddText),
      {
        noNullPrototype: true
      }
    )
    .map((value) => JSON.stringify(value)),
  fc
    .tuple(fc.constantFrom(...POLLUTION), fc.constantFrom(...KEYS), fc.jsonValue())
    .map(([name, key, value]) => `{"${name}":{"${key}":${JSON.stringify(value)},"prototype":{"${key}":1}}}`),
  fc.constantFrom(
    ...['null', 'true', '0', '-0', '1e999', '""', '[]', '[[]]', '{', '}', '{"a":}', '{"a":1}}', "{'a':1}"],
    ...['\ufeff{"sub":"ada"}', '{"sub":"ada"}\0', ' ', '\n', '{"sub":"ada","sub":"bob"}', 'undefined', 'NaN'],
    ...['[[[['.repeat(2000), '['.repeat(3000) + ']'.repeat(3000), '{"a":'.repeat(2500)],
    ...[`{"sub":"${'x'.repeat(20_000)}"}`, `[${'0,'.repeat(5000)}0]`, `"${'\\ud800'.repeat(500)}"`],
    ...[
      `{"a":${'9'.repeat(5000)}}`,
      '{"sub":{"toString":"x"}}',
      '{"sub":["ada"]}',
      '{"claims":{"sub":"eve"}}'
    ]
  )
)

const forms = fc.oneof(
  fc
    .array(fc.tuple(fc.oneof(fc.constantFrom(...KEYS, ...POLLUTION), oddText), oddText), { maxLength: 6 })
    .map((pairs) =>
      pairs.map((pair) => pair.map((each) => encodeURIComponent(each.toWellFormed())).join('=')).join('&')
    ),
  fc.constantFrom(
    ...['&', '=', '%', '%zz=1', 'grant_type=refresh_token', 'grant_type[]=refresh_token', 'token[a][b]=c'],
    ...[
      '__proto__[sub]=ada',
      'a=1;b=2',
      'grant_type=refresh_token&grant_type=refresh_token',
      '+',
      'a=1&'.repeat(4000)
    ],
    ...['__proto__=1&__proto__=2&grant_type=refresh_token&refresh_token=x', 'token=\xff\xfe']
  )
)

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
  fc.constantFrom(
    Buffer.from([0xff, 0xfe, 0x7b, 0x00]),
    Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]),
    Buffer.from('{"sub":"\xff\xc0\x80"}', 'latin1'),
    Buffer.alloc(17_000, 0x20),
    Buffer.alloc(100)
  )
)

/** Headers that proxies, browsers or frameworks interpret. */
const oddHeaders = fc.dictionary(
  fc.constantFrom(
    ...['origin', 'referer', 'sec-fetch-site', 'sec-fetch-mode', 'x-forwarded-host', 'x-forwarded-for'],
    ...['x-forwarded-proto', 'forwarded', 'x-http-method-override', 'x-original-url', 'content-encoding'],
    ...[
      'accept',
      'accept-language',
      'accept-encoding',
      'user-agent',
      'if-none-match',
      'range',
      'expect',
      'te'
    ],
    ...[
      'content-md5',
      'date',
      'prefer',
      'x-request-id',
      'request-id',
      'traceparent',
      'x-refresh-token',
      '__proto__'
    ],
    ...['host', 'x-access-token', 'constructor', 'dpop']
  ),
  fc.oneof(
    headerText(),
    fc.constantFrom(
      ...[
        'null',
        'same-origin',
        'cross-site',
        'https://evil.example',
        '*',
        'gzip',
        '100-continue',
        'bytes=0-1'
      ],
      ...['localhost:80', '[::1', 'https://localhost:80', 'x'.repeat(4000), 'DELETE', ',', '::::', '%00']
    )
  ),
  { maxKeys: 3, noNullPrototype: true }
)

for (const transport of ['cookie', 'body', 'header'] as const satisfies Transport[]) {
  t.test(`any request over transport ${transport} gets a valid response`, async (t) => {
    const { app } = await buildApp(t, { options: { transport }, server: { logger: false } })
    // A user that no request logs in. Otherwise 100 logins would evict this session.
    const own = await app.sessions.create({ sub: 'honest' })
    const requests = fc.record({
      method: fc.oneof(
        { weight: 5, arbitrary: fc.constant('POST' as const) },
        { weight: 1, arbitrary: fc.constantFrom(...METHODS) }
      ),
      path: paths,
      query: queries,
      type: fc.option(types, { nil: undefined, freq: 10 }),
      payload: fc.option(fc.oneof(json, forms, bytes, oddText), { nil: undefined, freq: 6 }),
      headers: oddHeaders,
      cookie: fc.option(cookies(own), { nil: undefined, freq: 2 }),
      authorization: fc.option(authorizations(own), { nil: undefined, freq: 2 })
    })

    await fuzz(
      t,
      requests,
      async ({ method, path, query, type, payload, headers, cookie, authorization }) => {
        const url = path + query
        const response = await app.inject({
          method,
          url,
          ...(payload !== undefined && { payload }),
          headers: {
            ...headers,
            ...(type !== undefined && { 'content-type': type }),
            ...(cookie !== undefined && { cookie }),
            ...(authorization !== undefined && { authorization })
          }
        })
        checkResponse(response, { method, url })
        checkPrototypes()
        equal((await app.sessions.get(own.session.sid))?.gen, 1, 'the session of the user is unchanged')
      },
      3
    )
    t.equal((await app.sessions.refresh(own.refreshToken)).session.gen, 2, 'the session can be refreshed')
  })
}

function cookies({ refreshToken }: Tokens): fc.Arbitrary<string> {
  const name = fc.oneof(
    { weight: 4, arbitrary: fc.constant('__Host-refresh_token') },
    fc.constantFrom(
      '__host-refresh_token',
      'refresh_token',
      '',
      '__proto__',
      '$Version',
      ' __Host-refresh_token'
    )
  )
  const pair = fc
    .tuple(
      name,
      damaged(refreshToken).map((text) => text.replaceAll(';', ','))
    )
    .map((each) => each.join('='))
  return fc.oneof(
    fc.array(pair, { maxLength: 5 }).map((pairs) => pairs.join('; ')),
    headerText(200)
  )
}

function authorizations({ accessToken, refreshToken }: Tokens): fc.Arbitrary<string> {
  const scheme = fc.constantFrom(
    'Bearer ',
    'bearer ',
    'Bearer',
    'Basic ',
    'Bearer\t',
    '',
    'Bearer  ',
    ', Bearer '
  )
  return fc
    .tuple(scheme, fc.oneof(damaged(accessToken), damaged(refreshToken)))
    .map((parts) => parts.join(''))
}

function checkPrototypes(): void {
  const plain: Record<string, unknown> = {}
  for (const name of [...KEYS, 'admin', 'polluted']) equal(plain[name], undefined, name)
  equal(Object.keys(Object.prototype).length, 0)
  equal(typeof plain.toString, 'function')
}

t.test('the odd texts contain lone surrogates and non-normalized text', async (t) => {
  t.ok(ODD_TEXTS.some((text) => !text.isWellFormed()))
  t.ok(ODD_TEXTS.some((text) => text !== text.normalize('NFC')))
})

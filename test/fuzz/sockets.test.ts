import { equal, match, ok } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { buildApp, listen } from '../support/build-app.js'
import { fuzz } from './fuzz.js'
import { CRLF, responsesIn, send } from './raw-http.js'
import { damaged, headerText } from './strings.js'

const COOKIE = '__Host-refresh_token'

function checkResponses(text: string, sent: Buffer): void {
  const what = `${JSON.stringify(sent.toString('latin1').slice(0, 400))} gave ${JSON.stringify(text.slice(0, 400))}`
  for (const { status, head, body } of responsesIn(text)) {
    ok((status >= 200 && status < 500) || status === 100, what)
    if (status === 401) match(head, /\r\nwww-authenticate: (Bearer|DPoP) realm="api"/, what)
    if (status >= 400) ok(!/\r\nset-cookie: __Host-refresh_token=/.test(head), what)
    // Responses of the router of Fastify and the parser of Node.js have no code of the plugin, or no body.
    if (status === 401 || status === 403) match(body, /"code":"FRT_ERR_[A-Z_]+"/, what)
    ok(!/\bat .*\.(ts|js):\d+/.test(body), `${what}: contains a stack trace`)
  }
}

const lines = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('refresh', 'login', 'logout').map((path) => `POST /auth/${path} HTTP/1.1`)
  },
  { weight: 2, arbitrary: fc.constant('GET /auth/sessions HTTP/1.1') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...[
        'POST /auth/refresh HTTP/1.0',
        'POST /auth/refresh HTTP/2.0',
        'POST /auth/refresh',
        'PRI * HTTP/2.0'
      ],
      ...[
        'POST http://evil.example/auth/refresh HTTP/1.1',
        'POST //auth/refresh HTTP/1.1',
        'OPTIONS * HTTP/1.1'
      ],
      ...['post /auth/refresh HTTP/1.1', 'CONNECT localhost:80 HTTP/1.1', 'GET /auth/sessions\0 HTTP/1.1'],
      ...['POST /auth/re%66resh HTTP/1.1', 'POST /auth/%zz HTTP/1.1', 'POST /auth/refresh?%zz HTTP/1.1'],
      ...[
        'DELETE /auth/sessions/../sessions HTTP/1.1',
        'DELETE /auth/sessions/%2e%2e HTTP/1.1',
        'GET /me HTTP/1.1'
      ],
      ...[
        `GET /${'a'.repeat(20_000)} HTTP/1.1`,
        'POST /auth/refresh#x HTTP/1.1',
        'TRACE /auth/refresh HTTP/1.1'
      ],
      ...['GET /auth/sessions HTTP/1.1 ', ' GET /me HTTP/1.1', '\u0016\u0003\u0001\u0002', ''],
      ...['M-SEARCH /auth/refresh HTTP/1.1', 'QUERY /auth/refresh HTTP/1.1', 'PURGE /auth/refresh HTTP/1.1']
    )
  }
)

const bodies = fc.oneof(
  fc.constantFrom('', '{}', '{"sub":"eve"}', '\ufeff{}', '{"refresh_token":"x"}', '{', '[]', '0', 'a=1&a=2'),
  fc.json(),
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
)

/** Correct and incorrect length headers, and the body that is sent with them. */
const framings = fc.tuple(bodies, fc.integer({ min: 0, max: 19 })).map(([body, index]) => {
  const { length } = Buffer.from(body, 'latin1')
  const chunk = `${length.toString(16)}${CRLF}${body}${CRLF}`
  const chunked = 'transfer-encoding: chunked'
  const framed: [head: string[], body: string][] = [
    [[`content-length: ${length}`], body],
    [[`content-length: ${length}`], body],
    [[`content-length: ${length + 5}`], body],
    [[`content-length: ${Math.max(0, length - 1)}`], body],
    [['content-length: -1'], body],
    [['content-length: 99999999999999999999'], body],
    [['content-length: 0x10'], body],
    [[`content-length: ${length}, ${length}`], body],
    [[`content-length: ${length}`, `content-length: ${length + 1}`], body],
    [[`content-length: ${length}`, chunked], `${chunk}0${CRLF}${CRLF}`],
    [[chunked], `${length > 0 ? chunk : ''}0${CRLF}${CRLF}`],
    [[chunked], `${chunk}0${CRLF}x-trailer: y${CRLF}${COOKIE}: z${CRLF}${CRLF}`],
    [[chunked], `zz${CRLF}${body}${CRLF}0${CRLF}${CRLF}`],
    [[chunked], `ffffffffffffffff${CRLF}${body}`],
    [[chunked], `${length.toString(16)};ext="a\r\nb"${CRLF}${body}${CRLF}0${CRLF}${CRLF}`],
    [[chunked], body],
    [['transfer-encoding: gzip, chunked'], chunk],
    [['transfer-encoding: chunked, identity'], chunk],
    [['expect: 100-continue', `content-length: ${length}`], body],
    [[], body]
  ]
  return framed[index] as [string[], string]
})

t.test('the server handles any bytes on a connection and responds in order', async (t) => {
  const { app } = await buildApp(t, { server: { logger: false } })
  const own = await app.sessions.create({ sub: 'honest' })
  const port = Number(new URL(await listen(app)).port)

  const names = fc.constantFrom(
    ...[
      'cookie',
      'cookie',
      'authorization',
      'origin',
      'sec-fetch-site',
      'host',
      'user-agent',
      'x-refresh-token',
      'dpop',
      'DPoP'
    ],
    ...[
      'connection',
      'upgrade',
      'te',
      'content-encoding',
      'content-type',
      'x forwarded for',
      'x\0y',
      '',
      '__proto__'
    ]
  )
  const values = fc.oneof(
    headerText(),
    damaged(own.refreshToken).map((token) => `${COOKIE}=${token}`),
    damaged(own.accessToken).map((token) => `Bearer ${token}`),
    fc.constantFrom(
      ...[
        'keep-alive',
        'close',
        'upgrade',
        'h2c',
        'websocket',
        'trailers',
        'gzip',
        'localhost',
        'https://evil.example'
      ],
      ...['a\r\n b', 'a\nb: c', 'a\rb', '\0', '\x7f', 'ü', '😀', ' ', `${COOKIE}=`, 'x'.repeat(17_000)]
    )
  )
  const headers = fc.array(
    fc
      .tuple(names, fc.constantFrom(': ', ': ', ': ', ': ', ': ', ':', ':\t', ' : ', ''), values)
      .map((parts) => parts.join('')),
    { maxLength: 5 }
  )
  const types = fc.constantFrom(
    'content-type: application/json',
    'content-type: application/x-www-form-urlencoded',
    'content-type: application/json\r\ncontent-type: text/plain',
    'x-none: x'
  )
  const requests = fc
    .tuple(lines, types, headers, framings, fc.constantFrom(CRLF, CRLF, CRLF, CRLF, CRLF, '\n', '\r'))
    .map(([line, type, more, [framing, body], newline]) =>
      [line, 'host: localhost', type, ...more, ...framing, '', body].join(newline)
    )
  const toBytes = (text: string) => Buffer.from(text, /[^\0-\xff]/.test(text) ? 'utf8' : 'latin1')

  await t.test('one or several requests, whole or in pieces, get valid responses', async (t) => {
    const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 3 })
    await fuzz(
      t,
      fc.tuple(fc.array(requests, { minLength: 1, maxLength: 3 }), cuts),
      async ([requests, cuts]) => {
        const bytes = toBytes(requests.join(''))
        const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length]
        const pieces = at.slice(1).map((end, i) => bytes.subarray(at[i], end))
        checkResponses(await send(port, pieces), bytes)
        equal((await app.sessions.get(own.session.sid))?.gen, 1)
      }
    )
  })

  await t.test('pipelined requests get their responses in order', async (t) => {
    const valid = `GET /me HTTP/1.1${CRLF}host: localhost${CRLF}authorization: Bearer ${own.accessToken}${CRLF}${CRLF}`
    const invalid = fc.constantFrom(
      `POST /auth/refresh HTTP/1.1${CRLF}host: localhost${CRLF}content-length: 0${CRLF}${CRLF}`,
      `GET /me HTTP/1.1${CRLF}host: localhost${CRLF}authorization: Bearer x${CRLF}${CRLF}`,
      `POST /auth/refresh HTTP/1.1${CRLF}host: localhost${CRLF}cookie: ${COOKIE}=x${CRLF}content-length: 0${CRLF}${CRLF}`
    )
    const sequence = fc.array(fc.oneof(fc.constant(valid), invalid), { minLength: 1, maxLength: 8 })
    await fuzz(
      t,
      sequence,
      async (sequence) => {
        const bytes = Buffer.from(sequence.join(''))
        const text = await send(port, [bytes])
        checkResponses(text, bytes)
        const statuses = responsesIn(text).map(({ status }) => status)
        const expected = sequence.map((each) => (each === valid ? 200 : 401))
        equal(String(statuses), String(expected), text.slice(0, 500))
      },
      0.5
    )
  })

  await t.test('a request with changed bytes gets a valid response', async (t) => {
    const valid = Buffer.from(
      `GET /me HTTP/1.1${CRLF}host: localhost${CRLF}authorization: Bearer ${own.accessToken}${CRLF}${CRLF}`
    )
    const changes = fc.array(fc.tuple(fc.nat({ max: valid.length - 1 }), fc.nat({ max: 255 })), {
      minLength: 1,
      maxLength: 4
    })
    await fuzz(t, changes, async (changes) => {
      const bytes = Buffer.from(valid)
      for (const [at, byte] of changes) bytes.writeUInt8(byte, at)
      checkResponses(await send(port, [bytes]), bytes)
    })
  })

  await t.test('a header or body of one megabyte is rejected', async (t) => {
    const mega = 'A'.repeat(2 ** 20)
    const post = (...rest: string[]) => ['POST /auth/refresh HTTP/1.1', 'host: localhost', ...rest].join(CRLF)
    for (const [request, status] of [
      [post(`cookie: ${COOKIE}=${mega}`, '', ''), 431],
      [post(`x-a: ${mega}`, '', ''), 431],
      [post(`${mega}: x`, '', ''), 431],
      [post(...Array.from({ length: 20_000 }, (_, i) => `x-${i}: ${'y'.repeat(40)}`), '', ''), 431],
      [post('content-type: application/json', `content-length: ${mega.length}`, '', mega), 413],
      [
        post(
          'content-type: application/json',
          'transfer-encoding: chunked',
          '',
          `100000${CRLF}${mega}${CRLF}0${CRLF}${CRLF}`
        ),
        413
      ]
    ] as const) {
      const bytes = Buffer.from(request)
      const text = await send(port, [bytes])
      checkResponses(text, bytes)
      // The server may close the connection before everything was sent. Then there is no response.
      if (text !== '') t.equal(responsesIn(text)[0]?.status, status, request.slice(40, 80))
    }
  })

  equal(
    (await app.sessions.refresh(own.refreshToken)).session.gen,
    2,
    'the session of the user can be refreshed'
  )
})

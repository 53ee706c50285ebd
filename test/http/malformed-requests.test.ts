import { once } from 'node:events'
import { connect } from 'node:net'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import type { SessionStore, Tokens, Transport } from '../../lib/index.js'
import { type AppUnderTest, buildApp, listen, overriding } from '../support/build-app.js'
import { refreshCookiesIn } from '../support/refresh-cookie.js'
import { openMemoryStore } from '../support/stores.js'

const NAME = '__Host-refresh_token'
const METHODS = ['create', 'rotate', 'confirm', 'get', 'has', 'list', 'revoke', 'revokeAll'] as const

interface Watched extends AppUnderTest {
  /** Returns the store calls since the last call of this function. */
  takeStoreCalls(): string[]
}

async function watched(t: Test, transport: Transport): Promise<Watched> {
  const under = openMemoryStore()
  const calls: string[] = []
  const watching = Object.fromEntries(
    METHODS.map((name) => {
      const method = under.store[name].bind(under.store) as (...args: unknown[]) => Promise<unknown>
      const watch = (...args: unknown[]) => {
        calls.push(name)
        return method(...args)
      }
      return [name, watch]
    })
  ) as unknown as SessionStore
  const built = await buildApp(t, {
    under: overriding(under, watching),
    options: { transport },
    server: { logger: false }
  })
  return { ...built, takeStoreCalls: () => calls.splice(0) }
}

/** Returns the token with each of its 512 bits flipped. */
function bitFlips(token: string): string[] {
  return Array.from({ length: 512 }, (_, bit) => {
    const bytes = Buffer.from(token, 'base64url')
    bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    return bytes.toString('base64url')
  })
}

/** Returns the JWT with each bit of the signature flipped, and with each bit of every eighth signed byte flipped. */
function jwtBitFlips(token: string): string[] {
  return token.split('.').flatMap((part, at, parts) => {
    const { length } = Buffer.from(part, 'base64url')
    const step = at === 2 ? 1 : 8
    return Array.from({ length: Math.floor((length * 8) / step) }, (_, i) => {
      const bytes = Buffer.from(part, 'base64url')
      const bit = i * step
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      return parts.with(at, bytes.toString('base64url')).join('.')
    })
  })
}

/** Returns other encodings of the same bytes: the last base64url character with its unused bits set. */
function otherEncodings(token: string): string[] {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(token.at(-1) ?? '')
  const others = Array.from({ length: 15 }, (_, i) => alphabet[(last & ~15) | ((last + i + 1) & 15)])
  return [
    ...others.map((char) => token.slice(0, -1) + char),
    `${token}=`,
    `${token}==`,
    Buffer.from(token, 'base64url').toString('base64'),
    Buffer.from(token, 'base64url').toString('hex')
  ]
}

/** Returns damaged variants of a string. */
function damaged(token: string): string[] {
  const half = token.length >> 1
  return [
    '',
    ...Array.from({ length: 20 }, (_, i) => token.slice(0, i * 4)),
    ...Array.from({ length: 10 }, (_, i) => token.slice(i + 1)),
    ...['A', 'AA', 'AAAA', '.', '.x', '~', '%20', token].map((more) => token + more),
    ...['A', '.', '-', '"', "'"].map((before) => before + token),
    `${token.slice(0, half)} ${token.slice(half)}`,
    `${token.slice(0, half)}%00${token.slice(half)}`,
    [...token].reverse().join(''),
    token.toLowerCase(),
    token.toUpperCase(),
    encodeURIComponent(`${token}\0`),
    `%${token}`,
    '%',
    '%zz',
    '%E0%A4%A',
    'null',
    'undefined',
    'true',
    '0',
    '-1',
    '1e999',
    '[object Object]',
    '{}',
    '[]',
    '__proto__',
    'constructor',
    '../../etc/passwd',
    '*',
    "' OR 1=1 --",
    'a.b.c',
    '..',
    'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.',
    'A'.repeat(85),
    'A'.repeat(92),
    '_'.repeat(92),
    'A'.repeat(87),
    'A'.repeat(8000)
  ]
}

/** Other characters that HTTP allows in a header. */
const HEADER_CHARACTERS = ['\t', '\x80', '\xff', 'Ã¼nÃ¯', '"', '\\', ',', '<script>']
/** Other characters that JSON and forms can contain. */
const ANY_CHARACTERS = [
  '\0',
  '\n',
  '\r\nset-cookie: a=b',
  '\x1b[31m',
  'ünï',
  '😀',
  '\ud800',
  '\u2028',
  '\ufeff'
]

function malformedOf(token: string): string[] {
  return [
    ...bitFlips(token),
    ...otherEncodings(token),
    ...damaged(token),
    ...HEADER_CHARACTERS,
    ...HEADER_CHARACTERS.map((char) => token + char)
  ].filter((malformed) => malformed.trim() !== token)
}

function isRejected(t: Test, response: LightMyRequestResponse, what: string): boolean {
  const rejected = [400, 401, 413, 415, 431].includes(response.statusCode)
  const quiet = refreshCookiesIn(response).length === 0
  // One assertion for each of thousands of requests would make the report unreadable.
  if (!rejected || !quiet) t.fail(`${what} returned ${response.statusCode}`, { body: response.body })
  return rejected && quiet
}

/** Sends all requests. Asserts that each is rejected without a store call. */
async function rejectsAll(
  t: Test,
  { app, takeStoreCalls }: Watched,
  requests: InjectOptions[]
): Promise<void> {
  let rejected = 0
  takeStoreCalls()
  for (const request of requests) {
    const response = await app.inject(request)
    const what = JSON.stringify({ headers: request.headers, payload: request.payload }).slice(0, 300)
    if (isRejected(t, response, what)) rejected++
  }
  t.equal(rejected, requests.length, `${requests.length} requests were rejected`)
  t.same(takeStoreCalls(), [], 'no store call')
}

function post(url: string, headers: Record<string, string | string[]>, payload?: InjectOptions['payload']) {
  return { method: 'POST', url, headers, ...(payload !== undefined && { payload }) } as const
}

const json = { 'content-type': 'application/json' }
const form = { 'content-type': 'application/x-www-form-urlencoded' }

/** Returns a request with the token by the transport. */
function requestWith(transport: Transport, token: string): InjectOptions {
  if (transport === 'cookie') return post('/auth/refresh', { cookie: `${NAME}=${token}` })
  if (transport === 'header') return post('/auth/refresh', { 'x-refresh-token': token })
  return post('/auth/refresh', json, JSON.stringify({ refresh_token: token }))
}

async function stillRefreshes(t: Test, { app }: Watched, { session, refreshToken }: Tokens): Promise<void> {
  t.match(await app.sessions.get(session.sid), { gen: 1 }, 'the session is as it was')
  const refreshed = await app.sessions.refresh(refreshToken)
  t.equal(refreshed.session.gen, 2, 'and refreshes')
}

for (const transport of ['cookie', 'header', 'body'] as const) {
  t.test(
    `a malformed refresh token is rejected without a store call, with transport ${transport}`,
    async (t) => {
      const built = await watched(t, transport)
      const tokens = await built.app.sessions.create({ sub: 'ada' })
      const more = transport === 'body' ? ANY_CHARACTERS : []
      const malformed = [
        ...malformedOf(tokens.refreshToken),
        ...more,
        ...more.map((char) => tokens.refreshToken + char),
        tokens.accessToken
      ]
      await rejectsAll(
        t,
        built,
        malformed.map((each) => requestWith(transport, each))
      )
      await stillRefreshes(t, built, tokens)
    }
  )
}

t.test('a body without a token string is rejected without a store call', async (t) => {
  const built = await watched(t, 'body')
  const tokens = await built.app.sessions.create({ sub: 'ada' })
  const { refreshToken } = tokens
  const values: unknown[] = [
    null,
    true,
    0,
    1e308,
    [],
    [refreshToken],
    [[refreshToken]],
    {},
    { toString: refreshToken },
    { length: 86 },
    { 0: refreshToken, length: 1 }
  ]
  const bodies = [
    ...values.map((value) => JSON.stringify(value)),
    ...values.map((value) => JSON.stringify({ refresh_token: value })),
    JSON.stringify({ refresh_token: { refresh_token: refreshToken } }),
    JSON.stringify(refreshToken),
    JSON.stringify({ REFRESH_TOKEN: refreshToken }),
    JSON.stringify({ refreshToken }),
    `{"__proto__":{"refresh_token":"${refreshToken}"}}`,
    `{"constructor":{"prototype":{"refresh_token":"${refreshToken}"}}}`,
    `{"a":{"__proto__":{"refresh_token":"${refreshToken}"}}}`,
    `{"refresh_token":"${refreshToken}","__proto__":null}`,
    `{"refresh_token":"${refreshToken}"`,
    `{"refresh_token":"${refreshToken}",}`,
    `{'refresh_token':'${refreshToken}'}`,
    `refresh_token=${refreshToken}`,
    `\0{"refresh_token":"${refreshToken}"}`,
    '{',
    '"',
    '[[[['.repeat(1000),
    `{"refresh_token":"${'A'.repeat(20_000)}"}`
  ]
  await rejectsAll(t, built, [
    ...bodies.map((body) => post('/auth/refresh', json, body)),
    post(
      '/auth/refresh',
      { ...json, 'content-type': 'application/json; charset=utf-16' },
      Buffer.from([0xff, 0xfe])
    ),
    post('/auth/refresh', { 'content-type': 'application/jsonx' }, '{}'),
    post('/auth/refresh', { 'content-type': 'malformed' }, '{}'),
    post('/auth/refresh', { 'content-type': 'text/plain' }, JSON.stringify({ refresh_token: refreshToken }))
  ])
  t.equal(Reflect.get({}, 'refresh_token'), undefined)
  await stillRefreshes(t, built, tokens)
})

t.test('a malformed form is rejected without a store call', async (t) => {
  const built = await watched(t, 'cookie')
  const tokens = await built.app.sessions.create({ sub: 'ada' })
  const { refreshToken } = tokens
  const grant = 'grant_type=refresh_token'
  const malformed = [...malformedOf(refreshToken), ...ANY_CHARACTERS].map(
    (each) => `${grant}&${new URLSearchParams({ refresh_token: each.toWellFormed() })}`
  )
  await rejectsAll(
    t,
    built,
    [
      ...malformed,
      '&&&',
      '=',
      '%',
      '%%%=%%%',
      `${grant}&refresh_token=%E0%A4%A`,
      `${grant}&refresh_token[]=${refreshToken}`,
      `${grant}&refresh_token[a]=${refreshToken}`,
      `${grant}&__proto__[refresh_token]=${refreshToken}`,
      `${grant}&__proto__=${refreshToken}`,
      `__proto__[grant_type]=refresh_token&refresh_token=${refreshToken}`,
      `constructor=x&toString=x&${grant}`,
      `${grant}&refresh_token=${refreshToken}&__proto__=1&__proto__=2`,
      `${grant};refresh_token=${refreshToken}`,
      JSON.stringify({ grant_type: 'refresh_token', refresh_token: refreshToken }),
      `${grant}&refresh_token=${'A'.repeat(20_000)}`,
      'a=1&'.repeat(4000)
    ].map((body) => post('/auth/refresh', form, body))
  )
  await stillRefreshes(t, built, tokens)
})

t.test('a malformed access token is rejected without a store call', async (t) => {
  const built = await watched(t, 'cookie')
  const tokens = await built.app.sessions.create({ sub: 'ada' })
  const { accessToken, refreshToken } = tokens
  const [head, payload, signature] = accessToken.split('.')
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { sub: 'ada', sid: tokens.session.sid, gen: 1, iat: 0, exp: 9_999_999_999 }
  const malformed = [
    ...jwtBitFlips(accessToken),
    ...damaged(accessToken),
    ...HEADER_CHARACTERS.map((char) => accessToken + char),
    refreshToken,
    `${head}.${payload}`,
    `${head}.${payload}.`,
    `${head}..${signature}`,
    `.${payload}.${signature}`,
    `${head}.${encode(claims)}.${signature}`,
    `${encode({ alg: 'none' })}.${payload}.`,
    `${encode({ alg: 'none' })}.${payload}.${signature}`,
    `${encode({ alg: 'HS512' })}.${payload}.${signature}`,
    `${encode(null)}.${encode(null)}.${signature}`,
    `${head}.${encode('x')}.${signature}`
  ].filter((each) => each.trim() !== accessToken)
  const bearers = malformed.map((each) => ({ authorization: `Bearer ${each}` }))
  await rejectsAll(t, built, [
    ...bearers.map((headers) => ({ url: '/me', headers })),
    ...bearers.slice(0, 50).map((headers) => ({ url: '/auth/sessions', headers })),
    ...bearers.slice(0, 50).map((headers) => post('/auth/logout-all', headers))
  ])
  t.equal(
    (await built.app.inject({ url: '/me', headers: { authorization: `Bearer ${accessToken}` } })).statusCode,
    200
  )
  await stillRefreshes(t, built, tokens)
})

t.test('a logout with malformed tokens revokes nothing and makes no store call', async (t) => {
  const built = await watched(t, 'cookie')
  const tokens = await built.app.sessions.create({ sub: 'ada' })
  const responses = new Set<number>()
  built.takeStoreCalls()
  for (const malformed of malformedOf(tokens.refreshToken)) {
    const byCookie = post('/auth/logout', { cookie: `${NAME}=${malformed}` })
    const byForm = post('/auth/logout', form, `${new URLSearchParams({ token: malformed })}`)
    responses.add((await built.app.inject(byCookie)).statusCode)
    if (malformed !== '') responses.add((await built.app.inject(byForm)).statusCode)
  }
  for (const malformed of jwtBitFlips(tokens.accessToken)) {
    const byHeader = post('/auth/logout', { authorization: `Bearer ${malformed}` })
    responses.add((await built.app.inject(byHeader)).statusCode)
  }
  t.same([...responses], [200])
  t.same(built.takeStoreCalls(), [])
  await stillRefreshes(t, built, tokens)
})

t.test('app.sessions rejects malformed values like the routes', async (t) => {
  const built = await watched(t, 'cookie')
  const tokens = await built.app.sessions.create({ sub: 'ada' })
  const { sessions } = built.app
  built.takeStoreCalls()
  const values = [
    null,
    undefined,
    0,
    {},
    [],
    [tokens.refreshToken, 'x'],
    '',
    'x',
    Buffer.alloc(64)
  ] as string[]
  for (const value of [...values, ...bitFlips(tokens.refreshToken).slice(0, 32)]) {
    await t.rejects(sessions.refresh(value), { code: 'FRT_ERR_REFRESH_TOKEN_INVALID' }, String(value))
  }
  for (const value of [...values, ...jwtBitFlips(tokens.accessToken).slice(0, 32)]) {
    await t.rejects(sessions.verify(value), { code: 'FRT_ERR_ACCESS_TOKEN_INVALID' }, String(value))
  }
  for (const value of values) {
    t.equal(await sessions.get(value), null)
    t.equal(await sessions.revoke(value), false)
  }
  t.same(built.takeStoreCalls(), [])
  await stillRefreshes(t, built, tokens)
})

/** Sends raw bytes over a connection and returns the status line. */
async function sendRaw(app: FastifyInstance, head: string): Promise<string> {
  const { port } = new URL(app.listeningOrigin)
  const socket = connect(Number(port), '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk) => {
    answer += String(chunk)
  })
  socket.on('error', () => {})
  socket.end(Buffer.from(head, 'latin1'))
  await once(socket, 'close')
  return answer.split('\r\n', 1)[0] ?? ''
}

t.test('the server survives raw requests that no client library sends', async (t) => {
  const built = await watched(t, 'cookie')
  const { app, takeStoreCalls } = built
  const tokens = await app.sessions.create({ sub: 'ada' })
  const { refreshToken, accessToken } = tokens
  await listen(app)
  takeStoreCalls()
  const refresh = (...headers: string[]) =>
    ['POST /auth/refresh HTTP/1.1', 'host: localhost', 'connection: close', ...headers, '', ''].join('\r\n')
  const me = (...headers: string[]) =>
    ['GET /me HTTP/1.1', 'host: localhost', 'connection: close', ...headers, '', ''].join('\r\n')
  const controls = Array.from({ length: 32 }, (_, code) => String.fromCharCode(code))

  const requests = [
    ...controls.map((char) => refresh(`cookie: ${NAME}=${refreshToken.slice(1)}${char}x`)),
    ...controls.map((char) => me(`authorization: Bearer ${accessToken.slice(0, -1)}${char}x`)),
    refresh(`cookie: ${NAME}=${'A'.repeat(20_000)}`),
    refresh(`cookie: ${`${NAME}=${'A'.repeat(92)}; `.repeat(100)}`),
    refresh(`cookie: ${NAME}=x`, `cookie: ${NAME}=y`),
    refresh(`cookie: ${';'.repeat(5000)}`),
    refresh(`cookie: ${'='.repeat(5000)}`),
    refresh(`cookie: ${NAME}`),
    refresh(`cookie: __proto__=${refreshToken}; constructor=${refreshToken}`),
    me(`authorization: Bearer x`, `authorization: Bearer ${accessToken}`),
    me(`authorization: Bearer ${'A'.repeat(20_000)}`),
    me('authorization: Bearer \x80\xff')
  ]
  for (const request of requests) {
    const line = await sendRaw(app, request)
    t.match(line, /^HTTP\/1\.1 4(00|01|13|31) /, JSON.stringify(request.slice(40, 160)))
  }
  t.same(takeStoreCalls(), [])
  await stillRefreshes(t, built, tokens)
})

import { deepEqual, equal, match } from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import type { SessionStore, Transport } from '../../lib/index.js'
import { createProof, createTestSession } from '../../lib/testing/index.js'
import { buildApp, listen, overriding } from '../support/build-app.js'
import { openMemoryStore, type StoreUnderTest } from '../support/stores.js'
import { fuzz } from './fuzz.js'
import { invalidProofs } from './proofs.js'
import { CRLF, responsesIn, send } from './raw-http.js'
import { checkResponse, codeOf } from './response-checks.js'

// The header `DPoP` in every form, with a token of a session that is bound to a key.

const METHODS: (keyof SessionStore)[] = [
  'create',
  'rotate',
  'confirm',
  'get',
  'has',
  'list',
  'revoke',
  'revokeAll'
]

const COOKIE = '__Host-refresh_token'
const FORM = 'application/x-www-form-urlencoded'

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })

const contentOf = (path: string) => ({ method: 'POST', url: `http://localhost${path}` })
const proofs = invalidProofs(key, contentOf('/auth/refresh'))

/** Counts the calls of a store. */
function counted(under: StoreUnderTest): StoreUnderTest & { calls: string[] } {
  const calls: string[] = []
  const methods = METHODS.map((name) => [
    name,
    (...args: unknown[]) => {
      calls.push(name)
      return Reflect.apply(under.store[name] as () => unknown, under.store, args)
    }
  ])
  return { ...overriding(under, Object.fromEntries(methods)), calls }
}

/** Builds an application with a bound session and an unbound one. */
async function open(t: Test) {
  const under = counted(openMemoryStore())
  let logins = 0
  const { app } = await buildApp(t, {
    under,
    server: { logger: false },
    options: {
      transport: ({ headers }) => (headers['x-transport'] as Transport | undefined) ?? 'cookie',
      login: () => {
        logins++
        return { sub: 'eve' }
      }
    }
  })
  const bound = await createTestSession(app, { sub: 'ada' }, { key })
  const unbound = await createTestSession(app, { sub: 'bob' })
  return { app, calls: under.calls, bound, unbound, logins: () => logins }
}

/** Asserts the error of a proof, in the format of Fastify or of RFC 6749, section 5.2. */
function checkRejection(response: LightMyRequestResponse, proof: string): void {
  const what = JSON.stringify(proof.slice(0, 500))
  if (response.statusCode === 400) {
    match(response.json().error, /^(invalid_dpop_proof|use_dpop_nonce)$/, what)
    equal('dpop-nonce' in response.headers, response.json().error === 'use_dpop_nonce', what)
    return
  }
  equal(response.statusCode, 401, what)
  match(String(codeOf(response)), /^FRT_ERR_PROOF_(INVALID|NONCE)$/, what)
  match(String(response.headers['www-authenticate']), /^DPoP .*error="(invalid_dpop_proof|use_dpop_nonce)"/)
  equal(response.json().nonce, response.headers['dpop-nonce'], what)
}

t.test('an invalid proof of a bound session is rejected without a store call', async (t) => {
  const { app, calls, bound, logins } = await open(t)
  const { refreshToken, session } = bound.tokens
  const cookie = { cookie: `${COOKIE}=${refreshToken}` }
  const form = { 'content-type': FORM }
  const requests = fc.constantFrom<InjectOptions & { url: string }>(
    { url: '/auth/login', payload: { sub: 'eve' } },
    { url: '/auth/login', headers: cookie, payload: { sub: 'eve' } },
    { url: '/auth/refresh', headers: cookie },
    { url: '/auth/refresh', headers: cookie, payload: {} },
    { url: '/auth/logout', headers: cookie },
    { url: '/auth/refresh', headers: { 'x-transport': 'body' }, payload: { refresh_token: refreshToken } },
    { url: '/auth/logout', headers: { 'x-transport': 'body' }, payload: { refresh_token: refreshToken } },
    { url: '/auth/refresh', headers: { 'x-transport': 'header', 'x-refresh-token': refreshToken } },
    { url: '/auth/logout', headers: { 'x-transport': 'header', 'x-refresh-token': refreshToken } },
    {
      url: '/auth/refresh',
      headers: form,
      payload: `grant_type=refresh_token&refresh_token=${refreshToken}`
    },
    { url: '/auth/logout', headers: form, payload: `token=${refreshToken}` },
    { url: '/auth/logout', headers: form, payload: `token=${refreshToken}&token_type_hint=refresh_token` }
  )
  await fuzz(
    t,
    fc.tuple(requests, proofs),
    async ([{ headers, ...request }, proof]) => {
      calls.length = 0
      const response = await app.inject({ method: 'POST', ...request, headers: { ...headers, dpop: proof } })
      checkResponse(response, { method: 'POST', url: request.url })
      checkRejection(response, proof)
      deepEqual(calls, [], proof)
      equal(response.headers['set-cookie'], undefined, 'the cookie is kept for the next attempt')
    },
    3
  )
  t.equal(logins(), 0, 'no login attempt was consumed')
  t.equal((await app.sessions.get(session.sid))?.gen, 1)

  const dpop = createProof(key, contentOf('/auth/refresh'))
  const response = await app.inject({ method: 'POST', url: '/auth/refresh', headers: { ...cookie, dpop } })
  t.equal(response.statusCode, 200, 'a valid proof works')
})

t.test('routes that need no proof ignore the header', async (t) => {
  const { app, unbound, bound } = await open(t)
  const { headers } = bound
  let token = unbound.tokens.refreshToken
  await fuzz(t, proofs, async (dpop) => {
    for (const url of ['/me', '/auth/sessions']) {
      const response = await app.inject({ url, headers: { ...headers, dpop } })
      equal(response.statusCode, 200, dpop)
    }
    const revoked = await app.inject({
      method: 'DELETE',
      url: `/auth/sessions/${'A'.repeat(32)}`,
      headers: { ...headers, dpop }
    })
    equal(revoked.statusCode, 404, dpop)
    const response = await app.inject({
      method: 'POST',
      url: '/auth/refresh',
      headers: { 'content-type': FORM, dpop },
      payload: `grant_type=refresh_token&refresh_token=${token}`
    })
    equal(response.statusCode, 200, dpop)
    token = response.json().refresh_token
  })
  const dpop = 'no proof'
  const ended = { ...unbound.headers, dpop }
  t.equal((await app.inject({ method: 'POST', url: '/auth/logout-all', headers: ended })).statusCode, 200)
  const cookie = `${COOKIE}=${token}`
  const logout = await app.inject({ method: 'POST', url: '/auth/logout', headers: { cookie, dpop } })
  t.equal(logout.statusCode, 200)
})

t.test('over HTTP/1.1 the responses are the same', async (t) => {
  const { app, calls, bound } = await open(t)
  const { refreshToken, session } = bound.tokens
  const port = Number(new URL(await listen(app)).port)

  /** Sends a request with several headers `DPoP`. */
  async function post(path: string, headers: string[], body: string, proofs: string[]) {
    const lines = [
      ...[`POST ${path} HTTP/1.1`, 'host: localhost', 'connection: close', ...headers],
      ...[`content-length: ${body.length}`, ...proofs.map((proof) => `DPoP: ${proof}`)]
    ]
    const text = await send(port, [Buffer.from([...lines, '', body].join(CRLF), 'latin1')])
    const [response] = responsesIn(text)
    return { status: response?.status, body: response?.body ?? '' }
  }

  const json = [`cookie: ${COOKIE}=${refreshToken}`]
  const form = [`content-type: ${FORM}`]
  const requests = fc.constantFrom<[path: string, headers: string[], body: string]>(
    ['/auth/login', ['content-type: application/json'], '{"sub":"eve"}'],
    ['/auth/refresh', json, ''],
    ['/auth/logout', json, ''],
    ['/auth/refresh', form, `grant_type=refresh_token&refresh_token=${refreshToken}`],
    ['/auth/logout', form, `token=${refreshToken}`]
  )

  await t.test('an invalid proof', async (t) => {
    await fuzz(t, fc.tuple(requests, proofs), async ([[path, headers, body], proof]) => {
      calls.length = 0
      const response = await post(path, headers, body, [proof])
      const what = `${proof.slice(0, 300)}: ${response.status} ${response.body}`
      deepEqual(calls, [], what)
      // The parser of Node.js rejects long headers.
      if (response.status === 431) return
      match(
        response.body,
        /"FRT_ERR_PROOF_(INVALID|NONCE)"|"error":"(invalid_dpop_proof|use_dpop_nonce)"/,
        what
      )
      equal(response.status, response.body.includes('FRT_ERR_') ? 401 : 400, what)
    })
  })

  await t.test('two headers are one invalid header (RFC 9449, section 4.3)', async (t) => {
    for (const [path, headers, body] of fc.sample(requests, 20)) {
      const proof = createProof(key, contentOf(path))
      const another = createProof(key, contentOf(path))
      for (const pair of [
        [proof, another],
        [proof, proof],
        ['', proof],
        [proof, '']
      ]) {
        calls.length = 0
        const response = await post(path, headers, body, pair)
        t.match(response.body, /FRT_ERR_PROOF_INVALID|invalid_dpop_proof/, `${path} ${response.body}`)
        t.strictSame(calls, [])
      }
    }
  })

  await t.test('a valid proof works once, also on several connections at the same time', async (t) => {
    t.equal((await app.sessions.get(session.sid))?.gen, 1)
    const proof = createProof(key, contentOf('/auth/refresh'))
    const responses = await Promise.all([1, 2, 3].map(() => post('/auth/refresh', json, '', [proof])))
    t.strictSame(responses.map(({ status }) => status).sort(), [200, 401, 401])
  })
})

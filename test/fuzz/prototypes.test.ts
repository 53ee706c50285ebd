import { equal } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Claims, Metadata } from '../../lib/index.js'
import { RESERVED_CLAIMS } from '../../lib/tokens/access-token.js'
import { buildApp } from '../support/build-app.js'
import { fuzz } from './fuzz.js'

/** Values with an own property named `__proto__`. A copy of the properties would set the prototype. */
const polluted = fc
  .tuple(
    fc.dictionary(fc.constantFrom('roles', 'name', 'constructor'), fc.string(), { noNullPrototype: true }),
    fc.dictionary(
      fc.constantFrom('admin', 'scope', ...RESERVED_CLAIMS),
      fc.oneof(fc.string(), fc.constant(99_999_999_999)),
      { noNullPrototype: true }
    )
  )
  .map(([members, proto]) =>
    JSON.parse(
      `{"__proto__":${JSON.stringify(proto)},${JSON.stringify(members).slice(1)}`.replace(/,\}$/, '}')
    )
  )

t.test('a property named __proto__ is rejected, because a copy would use it as prototype', async (t) => {
  const loaded: { claims: Claims | undefined } = { claims: undefined }
  const { app } = await buildApp(t, {
    server: { logger: false },
    options: {
      session: {
        load: () => (loaded.claims ? { claims: loaded.claims } : {}),
        metadata: ({ headers }) => JSON.parse(String(headers['x-device'] ?? '{}'))
      }
    }
  })
  const code = 'FRT_ERR_INVALID_IDENTITY'
  const codeOf = async (work: Promise<unknown>) =>
    work.then(
      () => 'none',
      (error) => error.code
    )

  await fuzz(t, polluted, async (value: Claims & Metadata) => {
    equal(await codeOf(app.sessions.create({ sub: 'ada', claims: value })), code, 'claims')
    equal(await codeOf(app.sessions.create({ sub: 'ada', metadata: value })), code, 'metadata')
    const { refreshToken, session } = await app.sessions.create({ sub: 'ada' })
    loaded.claims = value
    equal(await codeOf(app.sessions.refresh(refreshToken)), code, 'fresh claims')
    loaded.claims = undefined
    equal((await app.sessions.get(session.sid))?.gen, 1, 'the token was not rotated')
    const headers = { 'x-device': JSON.stringify(value) }
    const login = await app.inject({ method: 'POST', url: '/auth/login', headers, payload: { sub: 'ada' } })
    equal(login.json().code, code, 'metadata of the request')
  })
})

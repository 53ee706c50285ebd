import * as oauth from 'oauth4webapi'
import t, { type Test } from 'tap'
import type { AccessTokenOptions, Identity, LoginEvent, Session } from '../../lib/index.js'
import { buildApp } from '../support/build-app.js'
import { GENERATE } from '../support/key-pairs.js'
import { EXPECTED, startIssuer } from '../support/resource-server.js'

const MINUTE = 60_000

/** Validates a token like a service that requires all claims of RFC 9068, section 2.2. */
async function validate(t: Test, accessToken: AccessTokenOptions): Promise<oauth.JWTAccessTokenClaims> {
  const keys = [GENERATE.EdDSA().privateKey]
  const issuer = await startIssuer(t, { algorithm: 'EdDSA', keys, ...accessToken })
  const request = new Request(EXPECTED.audience, {
    headers: { authorization: `Bearer ${await issuer.token()}` }
  })
  return oauth.validateJwtAccessToken(
    { issuer: EXPECTED.issuer, jwks_uri: issuer.jwksUri },
    request,
    EXPECTED.audience,
    { [oauth.allowInsecureRequests]: true }
  )
}

t.test('a strict validator accepts a token with the option clientId', async (t) => {
  t.match(await validate(t, { clientId: 'web' }), { sub: 'ada', client_id: 'web', jti: String })
})

t.test('a strict validator rejects a token without the option clientId', async (t) => {
  await t.rejects(validate(t, {}), /client_id/)
})

t.test('each issued token has its own jti, also a replayed one', async (t) => {
  const { app, advance } = await buildApp(t)
  const { accessToken, refreshToken } = await app.sessions.create({ sub: 'ada' })
  const tokens = [accessToken]
  for (let i = 0; i < 3; i++) tokens.push((await app.sessions.refresh(refreshToken)).accessToken)
  await advance(MINUTE)
  tokens.push((await app.sessions.create({ sub: 'ada' })).accessToken)
  const ids = await Promise.all(tokens.map(async (token) => (await app.sessions.verify(token)).jti))
  t.equal(new Set(ids).size, 5)
  for (const id of ids) t.match(id, /^[\w-]{16}$/)
})

t.test('a function returns client_id for each session, at login and at refresh', async (t) => {
  const seen: Session[] = []
  const clientId = (session: Session) => {
    seen.push(session)
    return String(session.metadata.client)
  }
  const { app } = await buildApp(t, { options: { accessToken: { clientId } } })
  for (const client of ['web', 'mobile']) {
    const identity: Identity = { sub: 'ada', claims: { scope: 'read' }, metadata: { client } }
    const { accessToken, refreshToken } = await app.sessions.create(identity)
    const expected = { client_id: client, scope: 'read' }
    t.match(await app.sessions.verify(accessToken), expected)
    t.strictSame(
      Object.keys(seen.at(-1) ?? {}).sort(),
      Object.keys((await app.sessions.list('ada'))[0] ?? {}).sort()
    )
    t.match(await app.sessions.verify((await app.sessions.refresh(refreshToken)).accessToken), expected)
  }
  t.strictSame(
    seen.map(({ gen }) => gen),
    [1, 2, 1, 2]
  )
})

t.test('a login whose client_id is invalid evicts no session', async (t) => {
  let client = 'web'
  const { app } = await buildApp(t, {
    options: { accessToken: { clientId: () => client }, session: { maxPerUser: 1 } }
  })
  const { session } = await app.sessions.create({ sub: 'ada' })
  client = ''
  await t.rejects(app.sessions.create({ sub: 'ada' }), { code: 'FRT_ERR_INVALID_IDENTITY' })
  t.match(await app.sessions.list('ada'), [{ sid: session.sid }])
})

t.test('an invalid client_id creates no session, and a refresh can be repeated', async (t) => {
  const events: LoginEvent[] = []
  let result: unknown
  const clientId = () => {
    if (result instanceof Error) throw result
    return result as string
  }
  const { app, logs, settled } = await buildApp(t, {
    options: { accessToken: { clientId }, onLogin: (event) => void events.push(event) }
  })
  for (result of [undefined, null, '', 7, {}, Promise.resolve('web'), 'x'.repeat(257)]) {
    await t.rejects(app.sessions.create({ sub: 'ada' }), {
      code: 'FRT_ERR_INVALID_IDENTITY',
      cause: { message: 'accessToken.clientId() must return a string of 1 to 256 bytes' }
    })
  }
  result = new Error('mine')
  await t.rejects(app.sessions.create({ sub: 'ada' }), { message: 'mine' })
  await settled()
  t.strictSame(await app.sessions.list('ada'), [])
  t.strictSame(events, [])
  t.notOk(logs.some(({ event }) => event === 'session_created'))

  result = 'x'.repeat(256)
  const { refreshToken } = await app.sessions.create({ sub: 'ada' })
  result = ''
  await t.rejects(app.sessions.refresh(refreshToken), { code: 'FRT_ERR_INVALID_IDENTITY' })
  result = 'web'
  const { accessToken } = await app.sessions.refresh(refreshToken)
  t.match(await app.sessions.verify(accessToken), { gen: 2, client_id: 'web' })
})

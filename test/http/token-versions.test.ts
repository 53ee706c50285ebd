import { createHmac } from 'node:crypto'
import t from 'tap'
import { deriveKeys } from '../../lib/tokens/keys/derived-keys.js'
import { createRefreshTokenCodec } from '../../lib/tokens/refresh-token.js'
import { buildApp, SECRET } from '../support/build-app.js'
import { Client } from '../support/client.js'

const [keys] = deriveKeys([Buffer.from(SECRET)], 'frt:')
const codec = createRefreshTokenCodec([keys])

/** Returns a token of another release. The bytes after the key id have another format. */
function tokenOf(version: number, bytes: number, key = keys.refreshToken): string {
  const head = Buffer.concat([Buffer.from([version, keys.keyId]), Buffer.alloc(bytes, 7)])
  const mac = createHmac('sha256', key).update(head).digest()
  return Buffer.concat([head, mac]).toString('base64url')
}

const LATER = tokenOf(4, 67)
const [otherKeys] = deriveKeys([Buffer.alloc(32, 'another')], 'frt:')
const FORGED = tokenOf(4, 67, otherKeys.refreshToken)

t.test('isUnsupportedVersion distinguishes another version from a forged token at each length', async (t) => {
  for (const [version, bytes] of [
    [4, 67],
    [4, 35],
    [1, 30],
    [0, 1],
    [255, 350]
  ] as const) {
    const token = tokenOf(version, bytes)
    t.ok(codec.isUnsupportedVersion(token), token)
    t.equal(codec.parse(token), null)
  }
  const damaged = `${LATER.slice(0, 40)}${LATER[40] === 'A' ? 'B' : 'A'}${LATER.slice(41)}`
  const others = [
    '',
    'AQ',
    FORGED,
    damaged,
    tokenOf(4, 0),
    tokenOf(4, 400),
    `${LATER}=`,
    tokenOf(2, 35),
    tokenOf(3, 67)
  ]
  for (const token of [...others, codec.issue(Buffer.alloc(25), 1, 0)])
    t.notOk(codec.isUnsupportedVersion(token), token)
})

for (const transport of ['cookie', 'body', 'header'] as const) {
  t.test(`a token of another version returns 503 and does not log out, by ${transport}`, async (t) => {
    const { app } = await buildApp(t, { options: { transport } })
    const client = new Client(app, { transport })
    client.jar.refreshToken = LATER
    for (const path of ['/refresh', '/logout']) {
      const answer = await client.post(path)
      t.equal(answer.statusCode, 503, path)
      t.match(answer.json(), { code: 'FRT_ERR_STORE_UNAVAILABLE' })
      t.ok(answer.headers['retry-after'])
      t.equal(answer.headers['set-cookie'], undefined, path)
    }
    client.jar.refreshToken = FORGED
    t.match((await client.post('/refresh')).json(), { code: 'FRT_ERR_REFRESH_TOKEN_INVALID' })
    t.equal((await client.post('/logout')).statusCode, 200)

    client.jar.refreshToken = LATER
    t.equal((await client.login()).statusCode, 200, 'it does not prevent a login')
    t.equal((await client.refresh()).statusCode, 200)
  })
}

t.test('a logout with tokens of both versions revokes the supported session and returns 503', async (t) => {
  const { app } = await buildApp(t)
  const { refreshToken, accessToken } = await app.sessions.create({ sub: 'ada' })
  const cookie = `__Host-refresh_token=${refreshToken}; __Host-refresh_token=${LATER}`
  const refresh = await app.inject({ method: 'POST', url: '/auth/refresh', headers: { cookie } })
  t.equal(refresh.statusCode, 503)
  t.equal((await app.sessions.verify(accessToken)).gen, 1, 'nothing is rotated')
  const logout = await app.inject({ method: 'POST', url: '/auth/logout', headers: { cookie } })
  t.equal(logout.statusCode, 503)
  await t.rejects(app.sessions.verify(accessToken), { code: 'FRT_ERR_SESSION_REVOKED' })
})

t.test('a token of another version after four valid ones is a 503', async (t) => {
  const { app } = await buildApp(t)
  const { refreshToken } = await app.sessions.create({ sub: 'ada' })
  const cookie = [...Array(4).fill(refreshToken), LATER]
    .map((token) => `__Host-refresh_token=${token}`)
    .join('; ')
  for (const url of ['/auth/refresh', '/auth/logout']) {
    const response = await app.inject({ method: 'POST', url, headers: { cookie } })
    t.equal(response.statusCode, 503, url)
  }
})

t.test('app.sessions and OAuth forms return 503 for a token of another version', async (t) => {
  const { app } = await buildApp(t)
  await t.rejects(app.sessions.refresh(LATER), { code: 'FRT_ERR_STORE_UNAVAILABLE' })
  await t.rejects(app.sessions.refresh(FORGED), { code: 'FRT_ERR_REFRESH_TOKEN_INVALID' })
  for (const [path, form] of [
    ['/refresh', { grant_type: 'refresh_token', refresh_token: LATER }],
    ['/logout', { token: LATER }]
  ] as const) {
    const answer = await app.inject({
      method: 'POST',
      url: `/auth${path}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams(form).toString()
    })
    t.equal(answer.statusCode, 503, path)
  }
})

import t from 'tap'
import { buildApp } from '../support/build-app.js'
import { GENERATE } from '../support/key-pairs.js'
import { buildResourceServer, EXPECTED, sign } from '../support/resource-server.js'

const pair = GENERATE.EdDSA()

t.test('a token has each audience of the option', async (t) => {
  const accessToken = { audience: ['https://api.example.com', 'https://files.example.com'] }
  const { app } = await buildApp(t, { options: { accessToken } })
  const tokens = await app.sessions.create({ sub: 'ada' })
  t.match(await app.sessions.verify(tokens.accessToken), { aud: accessToken.audience })
})

t.test('a resource server accepts a token that has its audience among others', async (t) => {
  const audience = [EXPECTED.audience, 'https://files.example.com']
  const options = { algorithm: 'EdDSA', keys: [pair.privateKey], issuer: EXPECTED.issuer, audience } as const
  const { app } = await buildApp(t, { options: { accessToken: options } })
  const { accessToken } = await app.sessions.create({ sub: 'ada' })
  const { status } = await buildResourceServer(t, { keys: [pair.publicKey] })
  t.equal(await status(accessToken), 200)
  const other = await buildResourceServer(t, {
    keys: [pair.publicKey],
    audience: 'https://other.example.com'
  })
  t.equal(await other.status(accessToken), 401)
})

t.test('a resource server with several audiences accepts a token with one of them', async (t) => {
  const { status } = await buildResourceServer(t, { keys: [pair.publicKey], audience: ['a', 'b'] })
  for (const aud of ['a', 'b', ['b', 'c']]) t.equal(await status(await sign(pair, { claims: { aud } })), 200)
  for (const aud of ['c', '', [], ['c']]) t.equal(await status(await sign(pair, { claims: { aud } })), 401)
})

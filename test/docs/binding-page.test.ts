import { generateKeyPairSync } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { fastifyRefreshToken as refreshToken } from '../../lib/index.js'
import { createProof } from '../../lib/testing/index.js'
import { jktOf, signProof } from '../../lib/tokens/proof/create-proof.js'
import { SECRET as secret } from '../support/build-app.js'
import { blocksIn } from './code-blocks/blocks.js'
import { evaluate } from './code-blocks/run.js'

// docs/reference/binding.md: the proof that the page describes, its OAuth callback, and its addresses behind a proxy.

const codes = (await blocksIn('docs/reference/binding.md')).map(({ code }) => code)
const blockWith = (text: string) => codes.find((code) => code.includes(text)) ?? ''
const register = blockWith("mode: 'required'")

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })

async function startApp(t: Test, code: string, more = ''): Promise<FastifyInstance> {
  const app = Fastify()
  t.after(() => app.close())
  const names = {
    ...{ app, refreshToken, secret },
    login: () => ({ sub: 'ada' }),
    provider: { exchange: async () => ({ id: 'ada' }) },
    states: { verify: (state: string) => ({ jkt: state }) }
  }
  await evaluate(code + more, names)
  return app
}

function post(app: FastifyInstance, url: string, headers: Record<string, string>) {
  return app.inject({ method: 'POST', url, headers })
}

t.test('a proof with the members of the page is accepted', async (t) => {
  const app = await startApp(t, register)
  const header = JSON.parse(blockWith('"typ"'))
  const claims = JSON.parse(blockWith('"jti"'))
  const { x, y } = key.publicKey.export({ format: 'jwk' })
  let proofs = 0
  /** Fills in what each client and each request has of its own. */
  const prove = (path: string, nonce?: string) =>
    signProof(
      { ...header, jwk: { ...header.jwk, x, y } },
      {
        ...claims,
        jti: `${claims.jti}-${++proofs}`,
        htu: `http://localhost${path}`,
        iat: Math.floor(Date.now() / 1000),
        nonce
      },
      key.privateKey
    )

  t.equal((await post(app, '/auth/login', {})).json().code, 'FRT_ERR_PROOF_REQUIRED')
  const unknown = await post(app, '/auth/login', { dpop: prove('/auth/login', claims.nonce) })
  t.equal(unknown.json().code, 'FRT_ERR_PROOF_NONCE', 'the nonce of the page is not of this server')
  const { nonce } = unknown.json()
  const login = await post(app, '/auth/login', { dpop: prove('/auth/login', nonce) })
  t.equal(login.statusCode, 200)
  const [cookie] = login.cookies
  t.match(cookie?.value, /^[\w-]{135}$/, 'the length that the page names')
  const dpop = prove('/auth/refresh', nonce)
  const refresh = await post(app, '/auth/refresh', { cookie: `${cookie?.name}=${cookie?.value}`, dpop })
  t.equal(refresh.statusCode, 200)
})

t.test('the callback binds the session to the key in the state', async (t) => {
  const app = await startApp(t, register, blockWith('/login/callback'))
  const callback = await app.inject(`/login/callback?state=${jktOf(key)}`)
  t.equal(callback.statusCode, 302)
  const [cookie] = callback.cookies
  const headers = { cookie: `${cookie?.name}=${cookie?.value}` }
  t.equal((await post(app, '/auth/refresh', headers)).json().code, 'FRT_ERR_PROOF_REQUIRED')
  const dpop = createProof(key, { method: 'POST', url: 'http://localhost/auth/refresh' })
  t.equal((await post(app, '/auth/refresh', { ...headers, dpop })).statusCode, 200)
})

t.test('the addresses of the page are those behind its proxy', async (t) => {
  const app = await startApp(t, blockWith('address:'))
  const login = (url: string) => post(app, '/auth/login', { dpop: createProof(key, { method: 'POST', url }) })
  t.equal((await login('https://api.example.com/v1/auth/login')).statusCode, 200)
  t.equal((await login('http://localhost/auth/login')).json().code, 'FRT_ERR_PROOF_INVALID')
})

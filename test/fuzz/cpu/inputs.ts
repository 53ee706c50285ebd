import { generateKeyPairSync } from 'node:crypto'
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify'
import { type FastifyRefreshTokenOptions, fastifyRefreshToken, resourceServer } from '../../../lib/index.js'
import { createProof, createTestSession } from '../../../lib/testing/index.js'
import { signProof } from '../../../lib/tokens/proof/create-proof.js'
import { listen, SECRET } from '../../support/build-app.js'

/** A part of a request that the client chooses. */
export interface Input {
  name: string
  /** The texts before and after a long text, so that it reaches different code. */
  around: readonly [before: string, after: string][]
  /** Makes a text valid in this part of a request. */
  encode?(text: string): string
  /** The length of the text and of what is around it. By default, as long as a header may be. */
  length?: number
  send(text: string): Promise<unknown>
}

const NAME = '__Host-refresh_token'
const EXPECTED = { issuer: 'https://auth.example.com', audience: 'https://api.example.com' }
const BARE: [string, string] = ['', '']
/** A longer proof is rejected before it is read. */
const PROOF_LENGTH = 2048
/** The longest address in a proof of this length, because quotes take two characters, and base64 a third more. */
const PROOF_ADDRESS_LENGTH = 500

/** Returns every header, cookie, body and query that the plugin reads. */
export async function openInputs(): Promise<{ inputs: Input[]; close(): Promise<unknown> }> {
  const app = await open({})
  const byBody = await open({
    transport: 'body',
    routes: { introspect: true },
    oauth: { canIntrospect: () => true }
  })
  const byHeader = await open({ transport: 'header', accessToken: { header: 'x-auth-token' } })
  const { privateKey } = generateKeyPairSync('ed25519')
  const issuer = await open({
    accessToken: { algorithm: 'EdDSA', keys: [privateKey], ...EXPECTED },
    routes: { jwks: true }
  })
  const resources = Fastify()
  await resources.register(resourceServer, {
    ...EXPECTED,
    jwksUri: `${await listen(issuer)}/.well-known/jwks.json`
  })
  await addGuardedRoute(resources)

  const { accessToken, refreshToken } = await app.sessions.create({ sub: 'ada' })
  const scoped = await byBody.sessions.create({ sub: 'ada', claims: { scope: 'read write' } })
  const [head, payload] = accessToken.split('.')
  const [remoteHead] = (await issuer.sessions.create({ sub: 'ada' })).accessToken.split('.')
  const bearer: [string, string][] = [BARE, ['Bearer ', ''], ['Bearer ', 'x'], ['Bearer ', '.x.x']]
  const authorized = { authorization: `Bearer ${accessToken}` }

  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { cookies } = await createTestSession(app, { sub: 'ada' }, { key })
  const bound = { cookie: `${NAME}=${cookies[NAME]}` }
  const [proofHead = '', proofClaims = '', signature] = createProof(key, {
    method: 'POST',
    url: 'http://localhost/auth/refresh'
  }).split('.')
  const proofs: Input['around'] = [
    BARE,
    [`${proofHead}.`, `.${signature}`],
    [`${proofHead}.${proofClaims}.`, ''],
    ['', `.x.${signature}`]
  ]
  const prove = (htu: string) =>
    signProof(fromBase64(proofHead), { ...fromBase64(proofClaims), htu }, key.privateKey)

  const header =
    (server: FastifyInstance, request: InjectOptions, name: string, more: Record<string, string> = {}) =>
    (text: string) =>
      server.inject({ ...request, headers: { ...more, [name]: text } })
  const body = (url: string, type: string) => (payload: string) =>
    byBody.inject({ method: 'POST', url, headers: { 'content-type': type }, payload })
  const [me, login, refresh, logout] = [
    { url: '/me' },
    post('/auth/login'),
    post('/auth/refresh'),
    post('/auth/logout')
  ]
  const json = { payload: '{}' }

  const inputs: Input[] = [
    {
      name: 'Cookie',
      around: [BARE, ['a', 'b=1'], [`${NAME}=`, 'x'], [`${NAME}=${refreshToken};`, `;${NAME}=x`]],
      send: header(app, refresh, 'cookie')
    },
    { name: 'Cookie (logout)', around: [BARE, [`${NAME}=`, 'x']], send: header(app, logout, 'cookie') },
    {
      name: 'Authorization',
      around: [...bearer, [`Bearer ${head}.`, '.x'], [`Bearer ${head}.${payload}.`, '']],
      send: header(app, me, 'authorization')
    },
    {
      name: 'Authorization (logout)',
      around: [...bearer, [`Bearer ${head}.`, '.x']],
      send: header(app, logout, 'authorization')
    },
    {
      name: 'Authorization (resource server)',
      around: [...bearer, [`Bearer ${remoteHead}.`, '.x']],
      send: header(resources, me, 'authorization')
    },
    { name: 'X-Auth-Token', around: bearer, send: header(byHeader, me, 'x-auth-token') },
    { name: 'X-Refresh-Token', around: [BARE], send: header(byHeader, refresh, 'x-refresh-token') },
    {
      name: 'Origin',
      around: [
        BARE,
        ['https://', ''],
        ['https://a', '.example'],
        ['https://xn--', ''],
        ['https://localhost:', '']
      ],
      send: header(app, refresh, 'origin')
    },
    {
      name: 'Host',
      around: [BARE, ['xn--', ''], ['localhost:', '']],
      send: header(app, refresh, 'host', { origin: 'https://app.example' })
    },
    {
      name: 'X-Forwarded-Host',
      around: [BARE, ['xn--', '']],
      send: header(app, refresh, 'x-forwarded-host', { origin: 'https://app.example' })
    },
    { name: 'Sec-Fetch-Site', around: [BARE], send: header(app, refresh, 'sec-fetch-site') },
    {
      name: 'Content-Type',
      around: [
        BARE,
        ['application/x-www-form-urlencoded', 'x'],
        ['application/json', 'x'],
        ['application/json;', ''],
        ['application/json;a="', '']
      ],
      send: header(app, { ...refresh, ...json }, 'content-type')
    },
    { name: 'User-Agent', around: [BARE], send: header(app, login, 'user-agent') },
    { name: 'X-Forwarded-For', around: [BARE], send: header(app, login, 'x-forwarded-for') },
    { name: 'DPoP', around: proofs, send: header(app, refresh, 'dpop', bound) },
    {
      name: 'DPoP (short enough)',
      around: proofs,
      length: PROOF_LENGTH,
      send: header(app, refresh, 'dpop', bound)
    },
    {
      name: 'DPoP (JSON of its header)',
      around: [['', `.x.${signature}`]],
      length: PROOF_LENGTH,
      encode: (text) => Buffer.from(text).toString('base64url').slice(0, text.length),
      send: header(app, refresh, 'dpop', bound)
    },
    {
      name: 'DPoP (htu)',
      around: [BARE, ['https://', ''], ['https://a@', ''], ['https://localhost/', '']],
      length: PROOF_ADDRESS_LENGTH,
      send: (htu) => header(app, refresh, 'dpop', bound)(prove(htu))
    },
    {
      name: 'query',
      around: [BARE],
      encode: encodeForUrl,
      send: (text) => app.inject({ ...refresh, url: `/auth/refresh?${text}` })
    },
    {
      name: 'session id in the path',
      around: [BARE],
      encode: encodeForUrl,
      send: (text) => app.inject({ method: 'DELETE', url: `/auth/sessions/${text}`, headers: authorized })
    },
    {
      name: 'JSON body',
      around: [
        BARE,
        ['{"refresh_token":"', '"}'],
        ['{"refresh_token":', '}'],
        ['{', '"b":1}'],
        ['[', '0]'],
        ['', ']']
      ],
      send: body('/auth/refresh', 'application/json')
    },
    {
      name: 'form body (refresh)',
      around: [BARE, ['grant_type=refresh_token&refresh_token=', '']],
      send: body('/auth/refresh', 'application/x-www-form-urlencoded')
    },
    {
      name: 'form body (scope)',
      around: [
        [`grant_type=refresh_token&refresh_token=${scoped.refreshToken}&scope=`, '+x'],
        [`grant_type=refresh_token&refresh_token=${scoped.refreshToken}&scope=read+`, '']
      ],
      send: body('/auth/refresh', 'application/x-www-form-urlencoded')
    },
    {
      name: 'form body (introspection)',
      around: [BARE, ['token=', ''], [`token=${head}.`, '.x']],
      send: body('/auth/introspect', 'application/x-www-form-urlencoded')
    },
    {
      name: 'form body (logout)',
      around: [BARE, ['token=', ''], [`token=${head}.`, '.x']],
      send: body('/auth/logout', 'application/x-www-form-urlencoded')
    }
  ]
  const close = () => Promise.all([app, byBody, byHeader, issuer, resources].map((each) => each.close()))
  return { inputs, close }
}

/** Encodes what a URL does not contain (RFC 3986). Otherwise `inject` would encode it, which also takes time. */
function encodeForUrl(text: string): string {
  return text.replace(/[^\w.~!$&()*+,;=:@/?%-]/g, encodeURIComponent).slice(0, text.length)
}

function fromBase64(part: string): object {
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}

function post(url: string): InjectOptions {
  return { method: 'POST', url }
}

async function open(options: Partial<FastifyRefreshTokenOptions>): Promise<FastifyInstance> {
  let logins = 0
  const app = Fastify({ trustProxy: true })
  await app.register(fastifyRefreshToken, {
    secret: SECRET,
    login: () => ({ sub: `user-${++logins}` }),
    ...options
  })
  await addGuardedRoute(app)
  return app
}

async function addGuardedRoute(app: FastifyInstance): Promise<void> {
  app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
  await app.ready()
}

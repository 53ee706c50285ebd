import { Writable } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import { SignJWT } from 'jose'
import type { Test } from 'tap'
import { type AccessTokenOptions, type ResourceServerOptions, resourceServer } from '../../lib/index.js'
import { thumbprint } from '../../lib/tokens/keys/jwk.js'
import { type AppUnderTest, buildApp, listen } from './build-app.js'
import type { KeyAlgorithm, Pair } from './key-pairs.js'
import type { StoreUnderTest } from './stores.js'

export const EXPECTED = { issuer: 'https://auth.example.com', audience: 'https://api.example.com' }

export interface Issuer extends AppUnderTest {
  jwksUri: string
  /** Issues a new access token. */
  token(): Promise<string>
}

/** Starts an application that issues tokens and publishes its JWKS. `Date` uses its clock. */
export async function startIssuer(
  t: Test,
  accessToken: AccessTokenOptions,
  under?: StoreUnderTest
): Promise<Issuer> {
  const issuer = await buildApp(t, {
    options: { accessToken: { ...EXPECTED, ...accessToken }, routes: { jwks: true } },
    ...(under && { under })
  })
  const { app } = issuer
  return {
    ...issuer,
    jwksUri: `${await listen(app)}/.well-known/jwks.json`,
    token: async () => (await app.sessions.create({ sub: 'ada', claims: { scope: 'read' } })).accessToken
  }
}

export interface ResourceServer {
  app: FastifyInstance
  logs: Record<string, unknown>[]
  /** Returns the status of a guarded route for a token. */
  status(token: string): Promise<number>
}

/** Builds a resource server with guarded routes. */
export async function buildResourceServer(
  t: Test,
  {
    extend,
    ...options
  }: Pick<ResourceServerOptions, 'keys' | 'jwksUri'> &
    Partial<ResourceServerOptions> & { extend?: (app: FastifyInstance) => unknown }
): Promise<ResourceServer> {
  const logs: Record<string, unknown>[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      logs.push(JSON.parse(String(chunk)))
      done()
    }
  })
  const app = Fastify({ logger: { stream } })
  t.after(() => app.close())
  await app.register(resourceServer, { ...EXPECTED, ...options } as ResourceServerOptions)
  app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
  app.get('/admin', { preHandler: [app.authenticate, app.authorize('admin')] }, async () => 'in')
  app.get('/read', { preHandler: [app.authenticate, app.authorize('read')] }, async () => 'in')
  app.get('/maybe', async (request) => ({ user: await request.authenticate({ optional: true }) }))
  extend?.(app)
  await app.ready()
  return {
    app,
    logs,
    async status(token) {
      return (await app.inject({ url: '/me', headers: { authorization: `Bearer ${token}` } })).statusCode
    }
  }
}

export interface Forgery {
  algorithm?: KeyAlgorithm
  header?: object
  claims?: object
}

/** Signs a token with another library. It equals a token of the plugin, except for the given changes. */
export function sign(
  { privateKey, publicKey }: Pair,
  { algorithm = 'EdDSA', header = {}, claims = {} }: Forgery = {}
): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const { issuer: iss, audience: aud } = EXPECTED
  const defaults = { sub: 'ada', sid: 's', gen: 1, iat: now, exp: now + 300, iss, aud }
  return new SignJWT({ ...defaults, ...claims })
    .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', kid: thumbprint(publicKey), ...header })
    .sign(privateKey)
}

import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { BindingOptions, Identity } from '../../../lib/index.js'
import { type AppUnderTest, buildApp } from '../../support/build-app.js'
import { GENERATE } from '../../support/key-pairs.js'

/**
 * The service that may introspect tokens. Some clients encode other characters than letters and digits before base64, as
 * RFC 6749, section 2.3.1 requires.
 */
export const SERVICE = { id: 'orders', secret: '5eb1f1f3c9b64a0d' }
export const AUDIENCE = 'https://api.example.com'

export const IDENTITY: Identity = { sub: 'ada', claims: { scope: 'read write' } }
const CREDENTIALS = `Basic ${Buffer.from(`${SERVICE.id}:${SERVICE.secret}`).toString('base64')}`

export interface Provider extends AppUnderTest {
  /** The issuer, and the origin of all routes. */
  origin: string
  /** Logs in with the scopes `read write`, and returns the response. */
  login(): Promise<LoginResponse>
}

export interface LoginResponse {
  access_token: string
  refresh_token: string
  expires_in: number
  token_type: string
  /** The type of some clients requires it. */
  [member: string]: unknown
}

/** Starts a listening server with all routes for OAuth clients. `GET /me` is guarded. */
export async function startProvider(t: Test, binding: BindingOptions = {}): Promise<Provider> {
  // It listens before the application is built, because the issuer contains the port.
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const built = await buildApp(t, {
    server: { serverFactory: (handler) => server.on('request', handler as RequestListener) },
    options: {
      transport: 'body',
      binding,
      accessToken: {
        algorithm: 'EdDSA',
        keys: [GENERATE.EdDSA().privateKey],
        issuer: origin,
        audience: AUDIENCE,
        clientId: 'cli'
      },
      routes: { jwks: true, serverMetadata: true, introspect: true },
      oauth: {
        serverMetadata: { scopes_supported: ['read', 'write'] },
        canIntrospect: ({ headers }) => headers.authorization === CREDENTIALS
      }
    }
  })
  return { ...built, origin, login }

  async function login(): Promise<LoginResponse> {
    const response = await fetch(`${origin}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(IDENTITY)
    })
    return (await response.json()) as LoginResponse
  }
}

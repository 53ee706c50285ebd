import * as oauth from 'oauth4webapi'
import t from 'tap'
import { BINDINGS } from './support/bindings.js'
import { IDENTITY, type LoginResponse, type Provider, startProvider } from './support/provider.js'
import { rejectionOf } from './support/rejection.js'

const TWO_HOURS_SECONDS = 7200
const NONCE_NEEDED = { error: 'use_dpop_nonce', status: 400 }
const REJECTED = { error: 'invalid_grant', status: 400 }

const insecurely = { [oauth.allowInsecureRequests]: true }

const createKey = () => oauth.generateKeyPair('ES256')

/** The client of a user: a key, and a clock that may be wrong. */
async function createClient(
  { origin }: Provider,
  keyPair: oauth.CryptoKeyPair,
  { clockSkewSeconds = 0, modify }: { clockSkewSeconds?: number; modify?: oauth.ModifyAssertionFunction } = {}
) {
  const client: oauth.Client = { client_id: 'cli', [oauth.clockSkew]: clockSkewSeconds }
  const issuer = new URL(origin)
  const discovery = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecurely })
  const server = await oauth.processDiscoveryResponse(issuer, discovery)
  const DPoP = oauth.DPoP(client, keyPair, modify && { [oauth.modifyAssertion]: modify })
  const bound = { DPoP, ...insecurely }

  return {
    server,
    DPoP,

    /** Logs in with a proof. The login is no OAuth request, so that the client sends it like one to an API. */
    async login(): Promise<LoginResponse> {
      const url = new URL('/auth/login', origin)
      const headers = new Headers({ 'content-type': 'application/json' })
      const body = JSON.stringify(IDENTITY)
      const response = await oauth.protectedResourceRequest('none', 'POST', url, headers, body, bound)
      return (await response.json()) as LoginResponse
    },

    async refresh(token: string, options: oauth.TokenEndpointRequestOptions = bound): Promise<string> {
      const response = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), token, options)
      const result = await oauth.processRefreshTokenResponse(server, client, response)
      return result.refresh_token as string
    },

    async revoke(token: string, headers = new Headers()): Promise<void> {
      const options = { headers, ...insecurely }
      const response = await oauth.revocationRequest(server, client, oauth.None(), token, options)
      await oauth.processRevocationResponse(response)
    }
  }
}

/** Calls again after the error that asks for a nonce, as the documentation of the client says. */
async function withNonce<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return call()
  }
}

for (const binding of BINDINGS) {
  const { mode, nonce } = binding
  const isNonceNeeded = nonce === 'always'

  t.test(`oauth4webapi uses a bound session: mode ${mode}, nonce ${nonce}`, async (t) => {
    const provider = await startProvider(t, binding)
    const key = await createKey()
    const client = await createClient(provider, key)
    t.strictSame(client.server.dpop_signing_alg_values_supported, ['ES256'])

    if (isNonceNeeded) t.ok(oauth.isDPoPNonceError(await rejectionOf(client.login())))
    const { refresh_token: first } = await client.login()
    const jkt = await client.DPoP.calculateThumbprint()
    t.match(await provider.app.sessions.list('ada'), [{ jkt }])
    const second = await client.refresh(first)

    t.test('a client without a nonce gets one if the server needs it', async (t) => {
      const restarted = await createClient(provider, key)
      if (isNonceNeeded) t.match(await rejectionOf(restarted.refresh(second)), NONCE_NEEDED)
      t.ok(await restarted.refresh(second))
    })

    t.test('a client whose clock is off gets a nonce', async (t) => {
      const late = await createClient(provider, key, { clockSkewSeconds: -TWO_HOURS_SECONDS })
      t.match(await rejectionOf(late.refresh(second)), NONCE_NEEDED)
      t.ok(await late.refresh(second))
    })

    t.test('a client without the key gets nothing, and the session continues', async (t) => {
      const stranger = await createClient(provider, await createKey())
      t.match(await rejectionOf(withNonce(() => stranger.refresh(second))), REJECTED)
      t.match(await rejectionOf(stranger.refresh(second, insecurely)), REJECTED)
      t.match(await rejectionOf(stranger.revoke(second)), REJECTED)
      t.ok(await client.refresh(second))
    })

    t.test('an invalid proof is an error of its own, and the session continues', async (t) => {
      const modify = (_header: unknown, claims: Record<string, unknown>) => {
        claims.htu = 'https://elsewhere.example/auth/refresh'
      }
      const misled = await createClient(provider, key, { modify })
      t.match(await rejectionOf(misled.refresh(second)), { error: 'invalid_dpop_proof', status: 400 })
      t.ok(await client.refresh(second))
    })

    t.test('a revocation needs a proof', async (t) => {
      const headers = await proofFor(client.DPoP, new URL('/auth/logout', provider.origin))
      await client.revoke(second, headers)
      t.strictSame(await provider.app.sessions.list('ada'), [])
      t.match(await rejectionOf(client.refresh(second)), REJECTED)
    })
  })
}

/** Returns the header of a proof. The client sends it with a revocation only if it is given one. */
async function proofFor(DPoP: oauth.DPoPHandle, url: URL): Promise<Headers> {
  const sent = new Headers()
  await oauth.protectedResourceRequest('none', 'POST', url, new Headers(), null, {
    DPoP,
    ...insecurely,
    [oauth.customFetch]: async (_url, { headers }) => {
      sent.set('dpop', headers.dpop as string)
      return new Response()
    }
  })
  return sent
}

import { KeyObject } from 'node:crypto'
import * as client from 'openid-client'
import t from 'tap'
import { createProof } from '../../lib/testing/index.js'
import { BINDINGS } from './support/bindings.js'
import { IDENTITY, type LoginResponse, type Provider, startProvider } from './support/provider.js'
import { rejectionOf } from './support/rejection.js'

const TWO_HOURS_SECONDS = 7200
const REJECTED = { error: 'invalid_grant', status: 400 }

const createKey = () => client.randomDPoPKeyPair('ES256', { extractable: true })

/** The client of a user: a key, and a clock that may be wrong. It repeats a request that needs a nonce. */
async function createClient({ origin }: Provider, keyPair: client.CryptoKeyPair, clockSkewSeconds = 0) {
  const metadata = { [client.clockSkew]: clockSkewSeconds }
  const options: client.DiscoveryRequestOptions = {
    algorithm: 'oauth2',
    execute: [client.allowInsecureRequests]
  }
  const config = await client.discovery(new URL(origin), 'cli', metadata, client.None(), options)
  const DPoP = client.getDPoPHandle(config, keyPair)

  return {
    config,
    DPoP,

    async login(): Promise<LoginResponse> {
      const url = new URL('/auth/login', origin)
      const headers = new Headers({ 'content-type': 'application/json' })
      const body = JSON.stringify(IDENTITY)
      const response = await client.fetchProtectedResource(config, 'none', url, 'POST', body, headers, {
        DPoP
      })
      return (await response.json()) as LoginResponse
    },

    refresh: (token: string, bound: client.DPoPOptions = { DPoP }) =>
      client.refreshTokenGrant(config, token, undefined, bound),

    /** Revokes with a proof of `createProof`. The client does not create one for a revocation. */
    async revoke(token: string, nonce: string | undefined): Promise<void> {
      const proof = createProof(
        { privateKey: KeyObject.from(keyPair.privateKey), publicKey: KeyObject.from(keyPair.publicKey) },
        { method: 'POST', url: `${origin}/auth/logout`, nonce }
      )
      config[client.customFetch] = (url, { headers, ...request }) =>
        fetch(url, { ...request, headers: { ...headers, dpop: proof } } as RequestInit)
      await client.tokenRevocation(config, token)
    }
  }
}

for (const binding of BINDINGS) {
  t.test(`openid-client uses a bound session: mode ${binding.mode}, nonce ${binding.nonce}`, async (t) => {
    const provider = await startProvider(t, binding)
    const key = await createKey()
    const user = await createClient(provider, key)
    const { refresh_token: first } = await user.login()
    t.match(await provider.app.sessions.list('ada'), [{ jkt: await user.DPoP.calculateThumbprint() }])
    const { refresh_token: second = '' } = await user.refresh(first)

    t.test('a client without a nonce, or whose clock is off, refreshes', async (t) => {
      const restarted = await createClient(provider, key)
      t.ok((await restarted.refresh(second)).refresh_token)
      const late = await createClient(provider, key, TWO_HOURS_SECONDS)
      t.ok((await late.refresh(second)).refresh_token)
    })

    t.test('a client without the key gets nothing, and the session continues', async (t) => {
      const stranger = await createClient(provider, await createKey())
      t.match(await rejectionOf(stranger.refresh(second)), REJECTED)
      t.match(await rejectionOf(stranger.refresh(second, {})), REJECTED)
      t.match(await rejectionOf(client.tokenRevocation(stranger.config, second)), REJECTED)
      t.ok((await user.refresh(second)).refresh_token)
    })

    t.test('a revocation needs a proof, which may need a nonce', async (t) => {
      let nonce: string | undefined
      if (binding.nonce === 'always') {
        const asked = (await rejectionOf(user.revoke(second, nonce))) as client.ResponseBodyError
        t.match(asked, { error: 'use_dpop_nonce', status: 400 })
        nonce = asked.response.headers.get('dpop-nonce') ?? undefined
      }
      await user.revoke(second, nonce)
      t.strictSame(await provider.app.sessions.list('ada'), [])
      t.match(await rejectionOf((await createClient(provider, key)).refresh(second)), REJECTED)
    })
  })
}

import { auth } from 'express-oauth2-jwt-bearer'
import t from 'tap'
import { AUDIENCE, startProvider } from './support/provider.js'

t.test('express-oauth2-jwt-bearer accepts the access tokens with strict', async (t) => {
  const { origin, login, advance } = await startProvider(t)
  const check = auth({
    issuer: origin,
    audience: AUDIENCE,
    jwksUri: `${origin}/.well-known/jwks.json`,
    strict: true
  })
  const { access_token } = await login()
  /** Runs the middleware like Express. Resolves with the claims that it sets. */
  const validate = async () => {
    const headers: Record<string, string> = {
      authorization: `Bearer ${access_token}`,
      host: 'api.example.com'
    }
    const request = {
      headers,
      protocol: 'https',
      originalUrl: '/orders',
      method: 'GET',
      query: {},
      get: (name: string) => headers[name.toLowerCase()],
      is: () => false
    }
    await new Promise<void>((resolve, reject) => {
      check(request as never, {} as never, (error?: unknown) => (error ? reject(error) : resolve()))
    })
    return (request as unknown as { auth: { payload: object } }).auth.payload
  }
  t.match(await validate(), { sub: 'ada', client_id: 'cli', jti: String })
  await advance(6 * 60_000)
  await t.rejects(validate(), { status: 401, code: 'invalid_token' })
})

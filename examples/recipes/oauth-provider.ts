// A login provider for trying `oauth-login.ts`. It logs in every user as Ada, and is not a model for a real provider.
import { createHash, randomUUID } from 'node:crypto'
import formbody from '@fastify/formbody'
import Fastify, { type FastifyInstance } from 'fastify'

export const CLIENT = { id: 'recipe', secret: 'shared-client-secret' }

interface Grant {
  challenge: string | undefined
  redirectUri: string
}

export interface OAuthProvider {
  app: FastifyInstance
  issuer: string
}

/**
 * Starts the provider on a free port.
 * @param registeredUri the only redirect URI that it accepts. Otherwise an attacker could receive the code of a user
 */
export async function startOAuthProvider(registeredUri: string): Promise<OAuthProvider> {
  const app = Fastify()
  await app.register(formbody)
  let issuer = ''
  const grants = new Map<string, Grant>()
  const tokens = new Set<string>()

  app.get('/.well-known/openid-configuration', async () => ({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    code_challenge_methods_supported: ['S256']
  }))

  app.get<{ Querystring: Record<string, string> }>('/authorize', async ({ query }, reply) => {
    const { redirect_uri: redirectUri = '', state = '', code_challenge: challenge } = query
    // The URI must be exactly equal (RFC 9700, section 4.1.3). An error is not sent to it, because an attacker may own it.
    if (redirectUri !== registeredUri) return reply.code(400).send({ error: 'invalid_request' })
    const code = randomUUID()
    grants.set(code, { challenge, redirectUri })
    return reply.redirect(`${redirectUri}?${new URLSearchParams({ code, state })}`)
  })

  app.post<{ Body: Record<string, string> }>('/token', async ({ body, headers }, reply) => {
    const { code = '', code_verifier: verifier = '', redirect_uri: redirectUri } = body
    const grant = grants.get(code)
    // A code can be used once.
    grants.delete(code)
    const isClient = headers.authorization === `Basic ${btoa(`${CLIENT.id}:${CLIENT.secret}`)}`
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    if (!isClient || !grant || grant.challenge !== challenge || grant.redirectUri !== redirectUri) {
      return reply.code(400).send({ error: 'invalid_grant' })
    }
    const token = randomUUID()
    tokens.add(token)
    return { access_token: token, token_type: 'Bearer', expires_in: 60 }
  })

  app.get('/userinfo', async ({ headers }, reply) => {
    const token = headers.authorization?.replace('Bearer ', '')
    if (token === undefined || !tokens.has(token)) return reply.code(401).send({ error: 'invalid_token' })
    return { sub: '1815', name: 'Ada' }
  })

  issuer = await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, issuer }
}

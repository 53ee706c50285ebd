// Login with a provider (OpenID Connect, or OAuth 2.0 with a userinfo endpoint) instead of a password.
import oauth2, { type OAuth2Namespace } from '@fastify/oauth2'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import refreshToken from 'fastify-refresh-token'
import { CLIENT, startOAuthProvider } from './oauth-provider.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

declare module 'fastify' {
  interface FastifyInstance {
    provider: OAuth2Namespace
  }
}

export interface OAuthLoginOptions extends RecipeOptions {
  issuer: string
  /** Where browsers reach this app. */
  origin: string
}

export async function buildOAuthLogin({
  secret,
  redis,
  logger = false,
  issuer,
  origin
}: OAuthLoginOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger })
  await app.register(oauth2, {
    name: 'provider',
    credentials: { client: CLIENT },
    discovery: { issuer },
    scope: ['openid', 'profile'],
    startRedirectPath: '/login',
    callbackUri: `${origin}/login/callback`,
    // State and code verifier wait in cookies that no other host can plant.
    hostPrefixedCookies: true
  })
  await app.register(refreshToken, { secret, redis, routes: { login: false } })

  app.get('/login/callback', async (request, reply) => {
    const account = await accountOf(app, request, reply).catch((error) => {
      // Another browser's state, a code that was used: somebody sent the user here with a login of his own.
      // The message alone: the error holds the request to the provider, and with it the client's secret.
      request.log.warn({ reason: error.message }, 'a login failed')
      return null
    })
    if (!account) return reply.code(403).send({ message: 'That login is not yours: start again' })

    // The provider's id with its name: another provider may give the same id to somebody else.
    await reply.startSession({ sub: `provider:${account.sub}`, claims: { name: account.name } })
    // The tokens do not go with the address. The page gets its access token from `POST /auth/refresh`.
    return reply.redirect('/')
  })

  app.get('/', async () => 'logged in, or not: ask POST /auth/refresh')
  app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
  return app
}

async function accountOf(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply) {
  const { token } = await app.provider.getAccessTokenFromAuthorizationCodeFlow(request, reply)
  return (await app.provider.userinfo(token)) as { sub: string; name: string }
}

await serveIfStarted(import.meta.url, async (options) => {
  const provider = await startOAuthProvider()
  const origin = `http://localhost:${process.env.PORT ?? 3000}`
  const app = await buildOAuthLogin({ ...options, issuer: provider.issuer, origin })
  app.addHook('onClose', () => provider.app.close())
  return app
})

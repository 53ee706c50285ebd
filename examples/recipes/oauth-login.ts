// Users log in through a provider (OpenID Connect, or OAuth 2.0 with a userinfo endpoint) instead of with a password.
import oauth2, { type OAuth2Namespace } from '@fastify/oauth2'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import refreshToken, { authenticate } from 'fastify-refresh-token'
import { CLIENT, startOAuthProvider } from './oauth-provider.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

declare module 'fastify' {
  interface FastifyInstance {
    provider: OAuth2Namespace
  }
}

export interface OAuthLoginOptions extends RecipeOptions {
  issuer: string
  /** The origin under which browsers reach this app. */
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
    // The cookies with state and code verifier have the `__Host-` prefix, so that no other host can set them.
    hostPrefixedCookies: true
  })
  await app.register(refreshToken, { secret, redis, routes: { login: false } })

  app.get('/login/callback', async (request, reply) => {
    const account = await accountOf(app, request, reply).catch((error) => {
      // The state belongs to another browser, or the code was used before. An attacker may have sent the user here with
      // the attacker's own login. Only the message is logged, because the error contains the client secret.
      request.log.warn({ reason: error.message }, 'login failed')
      return null
    })
    if (!account) return reply.code(403).send({ message: 'The login is invalid. Start again' })

    // The id has the name of the provider as prefix, because another provider can use the same id for another user.
    await reply.startSession({ sub: `provider:${account.sub}`, claims: { name: account.name } })
    // The URL contains no token. The page gets its access token from `POST /auth/refresh`.
    return reply.redirect('/')
  })

  app.get('/', async () => 'POST /auth/refresh returns an access token if you are logged in')
  app.get('/me', { preHandler: authenticate }, async (request) => request.user)
  return app
}

async function accountOf(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply) {
  const { token } = await app.provider.getAccessTokenFromAuthorizationCodeFlow(request, reply)
  return (await app.provider.userinfo(token)) as { sub: string; name: string }
}

await serveIfStarted(import.meta.url, async (options) => {
  const origin = `http://localhost:${process.env.PORT ?? 3000}`
  const provider = await startOAuthProvider(`${origin}/login/callback`)
  const app = await buildOAuthLogin({ ...options, issuer: provider.issuer, origin })
  app.addHook('onClose', () => provider.app.close())
  return app
})

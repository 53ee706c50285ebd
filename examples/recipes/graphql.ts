// GraphQL with one URL. Some fields are public, and others need a user or an administrator.
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, { type AccessTokenClaims, errorCodes } from 'fastify-refresh-token'
import mercurius, { type MercuriusContext } from 'mercurius'
import { credentialsSchema, login } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

declare module 'mercurius' {
  interface MercuriusContext {
    user: AccessTokenClaims | null
  }
}

const schema = `
  type User { id: ID!, name: String }
  type Query { motto: String!, me: User!, users: [ID!]! }
`

/** Returns the user. Throws an error with the plugin's code if the request has no user or not the required scope. */
function requireUser({ user }: MercuriusContext, scope?: string): AccessTokenClaims {
  if (!user) {
    throw new mercurius.ErrorWithProps('An access token is required', { code: errorCodes.NoAccessToken })
  }
  if (scope !== undefined && user.scope !== scope) {
    throw new mercurius.ErrorWithProps('The access token does not allow this field', {
      code: errorCodes.InsufficientScope
    })
  }
  return user
}

export async function buildGraphql({
  secret,
  redis,
  logger = false
}: RecipeOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger })
  await app.register(refreshToken, {
    secret,
    redis,
    login,
    routes: { login: { schema: { body: credentialsSchema } } }
  })

  await app.register(mercurius, {
    schema,
    // A request without a token is anonymous. A request with an invalid token gets a 401, so that the client refreshes.
    context: async (request) => ({ user: await request.authenticate({ optional: true }) }),
    resolvers: {
      Query: {
        motto: () => 'Nullius in verba',
        me(_root, _args, context) {
          const { sub, name } = requireUser(context)
          return { id: sub, name }
        },
        users(_root, _args, context) {
          requireUser(context, 'admin')
          return ['user-1', 'user-2']
        }
      }
    }
  })
  return app
}

await serveIfStarted(import.meta.url, buildGraphql)

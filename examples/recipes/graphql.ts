// GraphQL: one address, where some fields are for everybody and some are not.
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

/** Whom a field is for; its error has the code that clients of the plugin know. */
function requireUser({ user }: MercuriusContext, scope?: string): AccessTokenClaims {
  if (!user) {
    throw new mercurius.ErrorWithProps('Log in first', { code: errorCodes.NoAccessToken })
  }
  if (scope !== undefined && user.scope !== scope) {
    throw new mercurius.ErrorWithProps('Not for you', { code: errorCodes.InsufficientScope })
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
    // Without a token there is nobody. A token that is no good is a 401 of the whole request: who sends one
    // wants to be somebody, and refreshes.
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

// `@fastify/jwt` declares `request.user` with a type of its own, taken from this interface. Within this
// package the two have to agree; the file is not published.
import type { AccessTokenClaims } from './types/session.js'

declare module '@fastify/jwt' {
  interface FastifyJWT {
    user: AccessTokenClaims | null
  }
}

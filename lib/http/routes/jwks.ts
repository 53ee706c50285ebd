import { jwksSchema } from '../openapi/route-schemas.js'
import type { Route, RouteContext } from './route-context.js'

/** `GET /.well-known/jwks.json` (RFC 8615): returns the public keys for servers that verify access tokens. */
export function jwksRoute({ options, rotation }: RouteContext): Route {
  return {
    overrides: options.routes.jwks,
    method: 'GET',
    path: '/.well-known/jwks.json',
    schema: jwksSchema,
    access: 'public',
    async handler() {
      return rotation.jwks
    }
  }
}

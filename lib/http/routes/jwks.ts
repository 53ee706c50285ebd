import { jwksSchema } from '../openapi/service-schemas.js'
import type { Route, RouteContext } from './route-context.js'

export const JWKS_PATH = '/.well-known/jwks.json'

/** `GET /.well-known/jwks.json` (RFC 8615): returns the public keys for servers that verify access tokens. */
export function jwksRoute({ options, rotation }: RouteContext): Route {
  return {
    overrides: options.routes.jwks,
    method: 'GET',
    path: JWKS_PATH,
    schema: jwksSchema,
    access: 'public',
    async handler() {
      return rotation.jwks
    }
  }
}

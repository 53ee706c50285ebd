import type { ResolvedOptions } from '../../options/resolve.js'
import { serverMetadataSchema } from '../openapi/service-schemas.js'
import { JWKS_PATH } from './jwks.js'
import type { Route, RouteContext } from './route-context.js'

/**
 * `GET /.well-known/oauth-authorization-server` (RFC 8414): the endpoints of the plugin, for OAuth clients. The path of the
 * issuer follows this path (section 3.1).
 *
 * @param scopePrefix the prefix of the scope in which the plugin is registered
 */
export function serverMetadataRoute({ options }: RouteContext, scopePrefix: string): Route {
  const overrides = options.routes.serverMetadata
  // The option is a URL if the route is enabled.
  const issuer = overrides ? new URL(options.accessToken.issuer as string) : undefined
  const metadata = issuer && metadataOf(options, issuer.origin + scopePrefix)
  return {
    overrides,
    method: 'GET',
    path: `/.well-known/oauth-authorization-server${issuer?.pathname.replace(/\/$/, '') ?? ''}`,
    schema: serverMetadataSchema,
    access: 'public',
    handler: async () => metadata
  }
}

/** The members of RFC 8414, section 2, and of RFC 9449, section 5.1. */
function metadataOf({ routes, oauth, accessToken, binding }: ResolvedOptions, baseUrl: string): object {
  const { refresh, logout, introspect, jwks } = routes
  const prefixed = baseUrl + routes.prefix
  return {
    // Required, although there is no authorization endpoint.
    response_types_supported: [],
    ...(refresh && {
      token_endpoint: `${prefixed}/refresh`,
      token_endpoint_auth_methods_supported: ['none'],
      grant_types_supported: ['refresh_token']
    }),
    ...(logout && {
      revocation_endpoint: `${prefixed}/logout`,
      revocation_endpoint_auth_methods_supported: ['none']
    }),
    ...(introspect && { introspection_endpoint: `${prefixed}/introspect` }),
    ...(jwks && { jwks_uri: baseUrl + JWKS_PATH }),
    ...(binding.mode !== 'off' && { dpop_signing_alg_values_supported: ['ES256'] }),
    ...oauth.serverMetadata,
    issuer: accessToken.issuer
  }
}

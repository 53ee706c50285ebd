import type { KeyObject } from 'node:crypto'
import { describe, test } from 'node:test'
import { expectTypeOf } from 'expect-type'
import { fastify } from 'fastify'
import { type AccessTokenClaims, type ResourceServerOptions, resourceServer } from 'fastify-refresh-token'

const expected = { issuer: 'https://auth.example.com', audience: 'https://api.example.com' }
const jwksUri = 'https://auth.example.com/.well-known/jwks.json'
declare const key: KeyObject

describe('a resource server', () => {
  test('registers with either keys or the URL of a JWKS', () => {
    const app = fastify()
    app.register(resourceServer, { ...expected, keys: ['pem', key] })
    app.register(resourceServer, { ...expected, jwksUri })
    // @ts-expect-error
    app.register(resourceServer, { ...expected, keys: [key], jwksUri })
    // @ts-expect-error
    app.register(resourceServer, expected)
    // @ts-expect-error
    app.register(resourceServer)
  })

  test('requires issuer and audience', () => {
    expectTypeOf<{ jwksUri: string; issuer: string; audience: string }>().toExtend<ResourceServerOptions>()
    expectTypeOf<{ jwksUri: string; issuer: string }>().not.toExtend<ResourceServerOptions>()
    expectTypeOf<{ jwksUri: string; audience: string }>().not.toExtend<ResourceServerOptions>()
  })

  test('accepts one or more algorithms with public keys', () => {
    type Algorithm = ResourceServerOptions['algorithm']
    expectTypeOf<'EdDSA' | 'ES256' | 'RS256'>().toExtend<Algorithm>()
    expectTypeOf<readonly ['EdDSA', 'ES256']>().toExtend<Algorithm>()
    expectTypeOf<'HS256'>().not.toExtend<Algorithm>()
  })

  test('guards routes like the issuer', () => {
    const app = fastify()
    app.get('/', { preHandler: [app.authenticate, app.authorize('read')] }, async (request) => {
      expectTypeOf(request.user).toEqualTypeOf<AccessTokenClaims | null>()
    })
  })
})

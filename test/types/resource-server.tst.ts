import type { KeyObject } from 'node:crypto'
import { fastify } from 'fastify'
import { type AccessTokenClaims, type ResourceServerOptions, resourceServer } from 'fastify-refresh-token'
import { describe, expect, test } from 'tstyche'

const expected = { issuer: 'https://auth.example.com', audience: 'https://api.example.com' }
const jwksUri = 'https://auth.example.com/.well-known/jwks.json'
declare const key: KeyObject

describe('a resource server', () => {
  test('registers with either keys or the URL of a JWKS', () => {
    const app = fastify()
    expect(app.register).type.toBeCallableWith(resourceServer, { ...expected, keys: ['pem', key] })
    expect(app.register).type.toBeCallableWith(resourceServer, { ...expected, jwksUri })
    expect(app.register).type.not.toBeCallableWith(resourceServer, { ...expected, keys: [key], jwksUri })
    expect(app.register).type.not.toBeCallableWith(resourceServer, expected)
    expect(app.register).type.not.toBeCallableWith(resourceServer)
  })

  test('requires issuer and audience', () => {
    expect<ResourceServerOptions>().type.toBeAssignableFrom<{
      jwksUri: string
      issuer: string
      audience: string
    }>()
    expect<ResourceServerOptions>().type.not.toBeAssignableFrom<{ jwksUri: string; issuer: string }>()
    expect<ResourceServerOptions>().type.not.toBeAssignableFrom<{ jwksUri: string; audience: string }>()
  })

  test('accepts one or more algorithms with public keys', () => {
    type Algorithm = ResourceServerOptions['algorithm']
    expect<Algorithm>().type.toBeAssignableFrom<'EdDSA' | 'ES256' | 'RS256'>()
    expect<Algorithm>().type.toBeAssignableFrom<readonly ['EdDSA', 'ES256']>()
    expect<Algorithm>().type.not.toBeAssignableFrom<'HS256'>()
  })

  test('guards routes like the issuer', () => {
    const app = fastify()
    app.get('/', { preHandler: [app.authenticate, app.authorize('read')] }, async (request) => {
      expect(request.user).type.toBe<AccessTokenClaims | null>()
    })
  })
})

import type { FastifyRequest } from 'fastify'
import type { AccessTokenClaims, Identity } from 'fastify-refresh-token'
import { describe, expect, test } from 'tstyche'

declare module 'fastify-refresh-token' {
  interface Claims {
    roles?: string[]
    tenant?: { id: number }
  }
}

declare const request: FastifyRequest

describe('claims that the app declares', () => {
  test('are typed in request.user', () => {
    expect(request.user).type.toBe<AccessTokenClaims | null>()
    expect(request.user?.roles).type.toBe<string[] | undefined>()
    expect(request.user?.tenant?.id).type.toBe<number | undefined>()
  })

  test('are checked in an identity', () => {
    expect<Identity>().type.toBeAssignableFrom<{ sub: string; claims: { roles: string[] } }>()
    expect<Identity>().type.not.toBeAssignableFrom<{ sub: string; claims: { roles: string } }>()
    expect<Identity>().type.not.toBeAssignableFrom<{ sub: string; claims: { tenant: { id: string } } }>()
  })

  test('leave undeclared ones unknown, never any', () => {
    expect(request.user?.undeclared).type.toBe<unknown>()
    expect<Identity>().type.toBeAssignableFrom<{ sub: string; claims: { scope: string } }>()
  })
})

describe('claims of the package', () => {
  test('are typed in request.user', () => {
    expect<AccessTokenClaims['sub']>().type.toBe<string>()
    expect<AccessTokenClaims['sid']>().type.toBe<string>()
    expect<AccessTokenClaims['gen']>().type.toBe<number>()
    expect<AccessTokenClaims['iat']>().type.toBe<number>()
    expect<AccessTokenClaims['exp']>().type.toBe<number>()
    expect<AccessTokenClaims['auth_time']>().type.toBe<number>()
  })
})

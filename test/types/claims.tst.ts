import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type {
  AccessTokenClaims,
  Claims,
  FastifyRefreshTokenOptions,
  Identity,
  Session,
  SessionOptions,
  Tokens
} from 'fastify-refresh-token'
import { describe, expect, test } from 'tstyche'

declare module 'fastify-refresh-token' {
  interface Claims {
    roles?: string[]
    tenant?: { id: number }
  }
}

interface Profile {
  roles: string[]
}

declare const app: FastifyInstance
declare const request: FastifyRequest
declare const reply: FastifyReply
declare const tokens: Tokens
declare const profile: Profile

describe('claims that the app declares', () => {
  test('are typed in request.user', async () => {
    expect(request.user).type.toBe<AccessTokenClaims | null>()
    expect(request.user?.roles).type.toBe<string[] | undefined>()
    expect(request.user?.tenant?.id).type.toBe<number | undefined>()
    expect((await request.authenticate()).roles).type.toBe<string[] | undefined>()
    expect((await app.sessions.verify('token')).roles).type.toBe<string[] | undefined>()
  })

  test('are typed in authorize', () => {
    app.authorize((user) => {
      expect(user.roles).type.toBe<string[] | undefined>()
      return user.roles?.includes('admin')
    })
    expect(app.authorize).type.not.toBeCallableWith((user: { roles: number[] }) => user.roles[0] === 1)
  })

  test('are typed in a session and in the arguments of load', () => {
    expect(tokens.session.claims).type.toBe<Claims>()
    const options: SessionOptions = {
      load(_sub, session) {
        expect(session.claims.roles).type.toBe<string[] | undefined>()
        return { claims: { ...session.claims, roles: ['admin'] } }
      }
    }
    expect(options).type.toBe<SessionOptions>()
  })

  test('are checked in an identity', () => {
    type Login = NonNullable<FastifyRefreshTokenOptions['login']>
    expect<Login>().type.toBeAssignableFrom<() => { sub: string; claims: { roles: string[] } }>()
    expect<Login>().type.toBeAssignableFrom<() => Promise<{ sub: string; claims: { roles: string[] } }>>()
    expect<Login>().type.not.toBeAssignableFrom<() => { sub: string; claims: { roles: string } }>()
    expect<Login>().type.not.toBeAssignableFrom<() => Promise<{ sub: string; claims: { roles: 1[] } }>>()
    expect(reply.startSession).type.toBeCallableWith({ sub: 'a', claims: { roles: ['admin'] } })
    expect(reply.startSession).type.not.toBeCallableWith({ sub: 'a', claims: { roles: 'admin' } })
    expect(app.sessions.create).type.toBeCallableWith({ sub: 'a', claims: { tenant: { id: 1 } } })
    expect(app.sessions.create).type.not.toBeCallableWith({ sub: 'a', claims: { tenant: { id: '1' } } })
  })

  test('are checked in the result of load', () => {
    type Load = NonNullable<NonNullable<FastifyRefreshTokenOptions['session']>['load']>
    expect<Load>().type.toBeAssignableFrom<() => Promise<{ claims: { roles: string[] } }>>()
    expect<Load>().type.not.toBeAssignableFrom<() => Promise<{ claims: { roles: string } }>>()
    expect<Load>().type.not.toBeAssignableFrom<() => { claims: string }>()
    expect<Load>().type.not.toBeAssignableFrom<(sub: number) => null>()
    expect<Load>().type.not.toBeAssignableFrom<(sub: string, session: Session[]) => null>()
  })

  test('can be an interface', () => {
    expect(app.sessions.create).type.toBeCallableWith({ sub: 'a', claims: profile })
    expect<Identity>().type.toBeAssignableFrom<{ sub: string; claims: Profile }>()
  })
})

describe('claims that are not declared', () => {
  test('cannot be read', () => {
    expect<AccessTokenClaims>().type.not.toHaveProperty('role')
    expect<Claims>().type.not.toHaveProperty('role')
  })

  test('cannot be set', () => {
    expect(app.sessions.create).type.not.toBeCallableWith({ sub: 'a', claims: { role: 'admin' } })
    expect(app.sessions.create).type.not.toBeCallableWith({ sub: 'a', claims: { roles: [], role: 'admin' } })
    expect<Identity>().type.not.toBeAssignableFrom<{ sub: string; claims: { role: string } }>()
    expect<Identity>().type.not.toBeAssignableFrom<{ sub: string; claims: string }>()
    expect<Identity>().type.not.toBeAssignableFrom<{ sub: string; claims: string[] }>()
  })
})

describe('claims of the plugin', () => {
  test('are typed in request.user', () => {
    expect<AccessTokenClaims['sub']>().type.toBe<string>()
    expect<AccessTokenClaims['sid']>().type.toBe<string>()
    expect<AccessTokenClaims['gen']>().type.toBe<number>()
    expect<AccessTokenClaims['iat']>().type.toBe<number>()
    expect<AccessTokenClaims['exp']>().type.toBe<number>()
    expect<AccessTokenClaims['auth_time']>().type.toBe<number>()
  })

  test('include the scope that authorize reads', () => {
    expect<AccessTokenClaims['scope']>().type.toBe<string | undefined>()
    expect<Identity>().type.toBeAssignableFrom<{ sub: string; claims: { scope: string } }>()
    expect<Identity>().type.not.toBeAssignableFrom<{ sub: string; claims: { scope: string[] } }>()
  })
})

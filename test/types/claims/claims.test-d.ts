import { describe, test } from 'node:test'
import { expectTypeOf } from 'expect-type'
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
    expectTypeOf(request.user).toEqualTypeOf<AccessTokenClaims | null>()
    expectTypeOf(request.user?.roles).toEqualTypeOf<string[] | undefined>()
    expectTypeOf(request.user?.tenant?.id).toEqualTypeOf<number | undefined>()
    expectTypeOf((await request.authenticate()).roles).toEqualTypeOf<string[] | undefined>()
    expectTypeOf((await app.sessions.verify('token')).roles).toEqualTypeOf<string[] | undefined>()
  })

  test('are typed in authorize', () => {
    app.authorize((user) => {
      expectTypeOf(user.roles).toEqualTypeOf<string[] | undefined>()
      return user.roles?.includes('admin')
    })
    // @ts-expect-error
    app.authorize((user: { roles: number[] }) => user.roles[0] === 1)
  })

  test('are typed in a session and in the arguments of load', () => {
    expectTypeOf(tokens.session.claims).toEqualTypeOf<Claims>()
    const options: SessionOptions = {
      load(_sub, session) {
        expectTypeOf(session.claims.roles).toEqualTypeOf<string[] | undefined>()
        return { claims: { ...session.claims, roles: ['admin'] } }
      }
    }
    expectTypeOf(options).toEqualTypeOf<SessionOptions>()
  })

  test('are checked in an identity', () => {
    type Login = NonNullable<FastifyRefreshTokenOptions['login']>
    expectTypeOf<() => { sub: string; claims: { roles: string[] } }>().toExtend<Login>()
    expectTypeOf<() => Promise<{ sub: string; claims: { roles: string[] } }>>().toExtend<Login>()
    expectTypeOf<() => { sub: string; claims: { roles: string } }>().not.toExtend<Login>()
    expectTypeOf<() => Promise<{ sub: string; claims: { roles: 1[] } }>>().not.toExtend<Login>()
    reply.startSession({ sub: 'a', claims: { roles: ['admin'] } })
    // @ts-expect-error
    reply.startSession({ sub: 'a', claims: { roles: 'admin' } })
    app.sessions.create({ sub: 'a', claims: { tenant: { id: 1 } } })
    // @ts-expect-error
    app.sessions.create({ sub: 'a', claims: { tenant: { id: '1' } } })
  })

  test('are checked in the result of load', () => {
    type Load = NonNullable<NonNullable<FastifyRefreshTokenOptions['session']>['load']>
    expectTypeOf<() => Promise<{ claims: { roles: string[] } }>>().toExtend<Load>()
    expectTypeOf<() => Promise<{ claims: { roles: string } }>>().not.toExtend<Load>()
    expectTypeOf<() => { claims: string }>().not.toExtend<Load>()
    expectTypeOf<(sub: number) => null>().not.toExtend<Load>()
    expectTypeOf<(sub: string, session: Session[]) => null>().not.toExtend<Load>()
  })

  test('can be an interface', () => {
    app.sessions.create({ sub: 'a', claims: profile })
    expectTypeOf<{ sub: string; claims: Profile }>().toExtend<Identity>()
  })
})

describe('claims that are not declared', () => {
  test('cannot be read', () => {
    expectTypeOf<AccessTokenClaims>().not.toHaveProperty('role')
    expectTypeOf<Claims>().not.toHaveProperty('role')
  })

  test('cannot be set', () => {
    // @ts-expect-error
    app.sessions.create({ sub: 'a', claims: { role: 'admin' } })
    // @ts-expect-error
    app.sessions.create({ sub: 'a', claims: { roles: [], role: 'admin' } })
    expectTypeOf<{ sub: string; claims: { role: string } }>().not.toExtend<Identity>()
    expectTypeOf<{ sub: string; claims: string }>().not.toExtend<Identity>()
    expectTypeOf<{ sub: string; claims: string[] }>().not.toExtend<Identity>()
  })
})

describe('claims of the plugin', () => {
  test('are typed in request.user', () => {
    expectTypeOf<AccessTokenClaims['sub']>().toEqualTypeOf<string>()
    expectTypeOf<AccessTokenClaims['sid']>().toEqualTypeOf<string>()
    expectTypeOf<AccessTokenClaims['gen']>().toEqualTypeOf<number>()
    expectTypeOf<AccessTokenClaims['iat']>().toEqualTypeOf<number>()
    expectTypeOf<AccessTokenClaims['exp']>().toEqualTypeOf<number>()
    expectTypeOf<AccessTokenClaims['auth_time']>().toEqualTypeOf<number>()
    expectTypeOf<AccessTokenClaims['jti']>().toEqualTypeOf<string>()
    expectTypeOf<AccessTokenClaims['client_id']>().toEqualTypeOf<string | undefined>()
  })

  test('include the scope that authorize reads', () => {
    expectTypeOf<AccessTokenClaims['scope']>().toEqualTypeOf<string | undefined>()
    expectTypeOf<{ sub: string; claims: { scope: string } }>().toExtend<Identity>()
    expectTypeOf<{ sub: string; claims: { scope: string[] } }>().not.toExtend<Identity>()
  })
})

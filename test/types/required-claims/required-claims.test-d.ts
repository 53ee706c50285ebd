import { describe, test } from 'node:test'
import { expectTypeOf } from 'expect-type'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyRefreshTokenOptions, Identity, SessionOptions } from 'fastify-refresh-token'

declare module 'fastify-refresh-token' {
  interface Claims {
    roles: string[]
    name?: string
  }
}

declare const app: FastifyInstance
declare const request: FastifyRequest
declare const reply: FastifyReply

describe('a claim that the app declares as required', () => {
  test('is defined in request.user and in authorize', async () => {
    expectTypeOf(request.user?.roles).toEqualTypeOf<string[] | undefined>()
    expectTypeOf((await request.authenticate()).roles).toEqualTypeOf<string[]>()
    app.authorize((user) => {
      expectTypeOf(user.roles).toEqualTypeOf<string[]>()
      return user.roles.includes('admin')
    })
  })

  test('is required in an identity', () => {
    type Login = NonNullable<FastifyRefreshTokenOptions['login']>
    expectTypeOf<() => Promise<{ sub: string; claims: { roles: string[] } }>>().toExtend<Login>()
    expectTypeOf<() => null>().toExtend<Login>()
    expectTypeOf<() => Promise<{ sub: string }>>().not.toExtend<Login>()
    expectTypeOf<() => { sub: string; claims: { name: string } }>().not.toExtend<Login>()
    expectTypeOf<{ sub: string }>().not.toExtend<Identity>()
    reply.startSession({ sub: 'a', claims: { roles: [] } })
    // @ts-expect-error
    reply.startSession({ sub: 'a' })
    app.sessions.create({ sub: 'a', claims: { roles: [], name: 'Ada' } })
    // @ts-expect-error
    app.sessions.create({ sub: 'a', claims: { name: 'Ada' } })
  })

  test('is required in the claims of load, unless load keeps those of the login', () => {
    type Load = NonNullable<SessionOptions['load']>
    expectTypeOf<() => Promise<{ claims: { roles: string[] } } | null>>().toExtend<Load>()
    expectTypeOf<() => object>().toExtend<Load>()
    expectTypeOf<() => { claims: { name: string } }>().not.toExtend<Load>()
  })
})

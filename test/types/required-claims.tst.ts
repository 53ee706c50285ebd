import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyRefreshTokenOptions, Identity, SessionOptions } from 'fastify-refresh-token'
import { describe, expect, test } from 'tstyche'

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
    expect(request.user?.roles).type.toBe<string[] | undefined>()
    expect((await request.authenticate()).roles).type.toBe<string[]>()
    app.authorize((user) => {
      expect(user.roles).type.toBe<string[]>()
      return user.roles.includes('admin')
    })
  })

  test('is required in an identity', () => {
    type Login = NonNullable<FastifyRefreshTokenOptions['login']>
    expect<Login>().type.toBeAssignableFrom<() => Promise<{ sub: string; claims: { roles: string[] } }>>()
    expect<Login>().type.toBeAssignableFrom<() => null>()
    expect<Login>().type.not.toBeAssignableFrom<() => Promise<{ sub: string }>>()
    expect<Login>().type.not.toBeAssignableFrom<() => { sub: string; claims: { name: string } }>()
    expect<Identity>().type.not.toBeAssignableFrom<{ sub: string }>()
    expect(reply.startSession).type.toBeCallableWith({ sub: 'a', claims: { roles: [] } })
    expect(reply.startSession).type.not.toBeCallableWith({ sub: 'a' })
    expect(app.sessions.create).type.toBeCallableWith({ sub: 'a', claims: { roles: [], name: 'Ada' } })
    expect(app.sessions.create).type.not.toBeCallableWith({ sub: 'a', claims: { name: 'Ada' } })
  })

  test('is required in the claims of load, unless load keeps those of the login', () => {
    type Load = NonNullable<SessionOptions['load']>
    expect<Load>().type.toBeAssignableFrom<() => Promise<{ claims: { roles: string[] } } | null>>()
    expect<Load>().type.toBeAssignableFrom<() => object>()
    expect<Load>().type.not.toBeAssignableFrom<() => { claims: { name: string } }>()
  })
})

import { describe, test } from 'node:test'
import { expectTypeOf } from 'expect-type'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Identity } from 'fastify-refresh-token'

declare module 'fastify-refresh-token' {
  interface Claims {
    roles?: string[]
    [name: string]: unknown
  }
}

declare const app: FastifyInstance
declare const request: FastifyRequest

describe('an app that allows claims of any name', () => {
  test('sets and reads them as unknown, not as any', () => {
    app.sessions.create({ sub: 'a', claims: { anything: 1 } })
    expectTypeOf<{ sub: string }>().toExtend<Identity>()
    expectTypeOf(request.user?.anything).toEqualTypeOf<unknown>()
    expectTypeOf(request.user?.roles).toEqualTypeOf<string[] | undefined>()
    expectTypeOf(request.user?.sub).toEqualTypeOf<string | undefined>()
  })
})

import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Identity } from 'fastify-refresh-token'
import { describe, expect, test } from 'tstyche'

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
    expect(app.sessions.create).type.toBeCallableWith({ sub: 'a', claims: { anything: 1 } })
    expect<Identity>().type.toBeAssignableFrom<{ sub: string }>()
    expect(request.user?.anything).type.toBe<unknown>()
    expect(request.user?.roles).type.toBe<string[] | undefined>()
    expect(request.user?.sub).type.toBe<string | undefined>()
  })
})

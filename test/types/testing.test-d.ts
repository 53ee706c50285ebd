import { describe, test } from 'node:test'
import { expectTypeOf } from 'expect-type'
import { fastify } from 'fastify'
import type { SessionStore, Tokens } from 'fastify-refresh-token'
import { createTestSession, type TestSession, testSessionStore } from 'fastify-refresh-token/testing'

declare const store: SessionStore

describe('fastify-refresh-token/testing', () => {
  test('createTestSession takes an app of any kind of server', () => {
    createTestSession(fastify(), { sub: 'ada' })
    createTestSession(fastify({ http2: true }), { sub: 'ada' }, {})
    // @ts-expect-error
    createTestSession(fastify(), 'ada')
    // @ts-expect-error
    createTestSession(fastify(), { sub: 'ada' }, { transport: 'query' })
    expectTypeOf(createTestSession(fastify(), { sub: 'ada' })).toEqualTypeOf<Promise<TestSession>>()
    expectTypeOf<TestSession['tokens']>().toEqualTypeOf<Tokens>()
  })

  test('createTestSession returns the headers and cookies of inject', () => {
    const app = fastify()
    const session = {} as TestSession
    app.inject({ url: '/', headers: session.headers, cookies: session.cookies })
  })

  test('testSessionStore takes node:test, and a store that is opened synchronously or asynchronously', () => {
    testSessionStore({ test, open: () => ({ store }) })
    testSessionStore({
      test: (name: string, run: () => Promise<void>) => test(name, run),
      open: async (now: () => number) => ({
        store,
        elapse: async (ms: number) => void (ms + now()),
        close() {}
      })
    })
    // @ts-expect-error
    testSessionStore({ test, open: () => store })
  })
})

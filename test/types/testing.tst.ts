import test from 'node:test'
import { fastify } from 'fastify'
import type { SessionStore, Tokens } from 'fastify-refresh-token'
import { createTestSession, type TestSession, testSessionStore } from 'fastify-refresh-token/testing'
import { describe, expect, test as it } from 'tstyche'

declare const store: SessionStore

describe('fastify-refresh-token/testing', () => {
  it('createTestSession takes an app of any kind of server', () => {
    expect(createTestSession).type.toBeCallableWith(fastify(), { sub: 'ada' })
    expect(createTestSession).type.toBeCallableWith(fastify({ http2: true }), { sub: 'ada' }, {})
    expect(createTestSession).type.not.toBeCallableWith(fastify(), 'ada')
    expect(createTestSession).type.not.toBeCallableWith(fastify(), { sub: 'ada' }, { transport: 'query' })
    expect(createTestSession(fastify(), { sub: 'ada' })).type.toBe<Promise<TestSession>>()
    expect<TestSession['tokens']>().type.toBe<Tokens>()
  })

  it('what it gives is what inject takes', () => {
    const app = fastify()
    const session = {} as TestSession
    expect(app.inject).type.toBeCallableWith({ url: '/', headers: session.headers, cookies: session.cookies })
  })

  it('testSessionStore takes node:test, and a store that is opened at once or later', () => {
    expect(testSessionStore).type.toBeCallableWith({ test, open: () => ({ store }) })
    expect(testSessionStore).type.toBeCallableWith({
      test: (name: string, run: () => Promise<void>) => test(name, run),
      open: async (now: () => number) => ({
        store,
        elapse: async (ms: number) => void (ms + now()),
        close() {}
      })
    })
    expect(testSessionStore).type.not.toBeCallableWith({ test, open: () => store })
  })
})

import {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  type preHandlerAsyncHookHandler
} from 'fastify'
import type {
  AccessTokenClaims,
  AuthHook,
  Session,
  Sessions,
  TokenResponse,
  Tokens
} from 'fastify-refresh-token'
import { describe, expect, test } from 'tstyche'

declare const app: FastifyInstance
declare const request: FastifyRequest
declare const reply: FastifyReply

describe('the app', () => {
  test('guards routes of each kind of server', () => {
    const secure = fastify({ http2: true, https: {} })
    expect(secure.get).type.toBeCallableWith('/', { preHandler: secure.authenticate }, async () => '')
    const plain = fastify({ http2: true })
    expect(plain.get).type.toBeCallableWith('/', { onRequest: [plain.authenticate] }, async () => '')
  })

  test('guards routes with authenticate and authorize', () => {
    expect(app.authenticate).type.toBe<AuthHook>()
    expect(app.authenticate).type.toBeAssignableTo<preHandlerAsyncHookHandler>()
    expect(app.authorize('read', 'write')).type.toBe<AuthHook>()
    expect(app.authorize()).type.toBe<AuthHook>()
    expect(app.authorize).type.toBeCallableWith((user: AccessTokenClaims) => user.sub === 'a')
    expect(app.authorize).type.toBeCallableWith(
      async (_: AccessTokenClaims, request: FastifyRequest) => request.ip !== ''
    )
    expect(app.authorize).type.not.toBeCallableWith(['read'])
    expect(app.authorize).type.not.toBeCallableWith(() => 'yes')
  })

  test('accepts the hooks for one route and for all routes', () => {
    const { authenticate, authorize } = app
    const handler = async () => ({})
    expect(fastify().get).type.toBeCallableWith('/', { preHandler: authenticate }, handler)
    expect(fastify().get).type.toBeCallableWith('/', { onRequest: [authenticate, authorize('a')] }, handler)
    expect(fastify().addHook).type.toBeCallableWith('preHandler', authenticate)
    expect(fastify().addHook).type.toBeCallableWith('onRequest', authenticate)
  })

  test('checks the origin of requests to its own routes', () => {
    expect(app.checkOrigin).type.toBe<AuthHook>()
    expect(fastify().post).type.toBeCallableWith('/', { onRequest: app.checkOrigin }, async () => ({}))
    expect(fastify().addHook).type.toBeCallableWith('onRequest', app.checkOrigin)
  })

  test('has app.sessions', () => {
    expect(app.sessions).type.toBe<Sessions>()
    expect(app.sessions.create({ sub: 'a' })).type.toBe<Promise<Tokens>>()
    expect(app.sessions.refresh('token')).type.toBe<Promise<Tokens>>()
    expect(app.sessions.verify('token')).type.toBe<Promise<AccessTokenClaims>>()
    expect(app.sessions.get('sid')).type.toBe<Promise<Session | null>>()
    expect(app.sessions.list('sub')).type.toBe<Promise<Session[]>>()
    expect(app.sessions.revoke('sid')).type.toBe<Promise<boolean>>()
    expect(app.sessions.revokeAll('sub')).type.toBe<Promise<number>>()
    expect(app.sessions.revokeAll).type.toBeCallableWith('sub', { except: 'sid' })
    expect(app.sessions.create).type.not.toBeCallableWith({})
    expect(app.sessions.revokeAll).type.not.toBeCallableWith('sub', 'sid')
    expect(app.sessions.rotateKeys()).type.toBe<Promise<void>>()
    expect(app.sessions.rotateKeys).type.toBeCallableWith(['pem'])
    expect(app.sessions.rotateKeys).type.not.toBeCallableWith('pem')
    expect(app.sessions.rotateKeys).type.not.toBeCallableWith(async () => ['pem'])
  })
})

describe('a request', () => {
  test('has a user after the authentication', () => {
    expect(request.user).type.toBe<AccessTokenClaims | null>()
    expect(request.authenticate()).type.toBe<Promise<AccessTokenClaims>>()
    expect(request.authenticate({ optional: true })).type.toBe<Promise<AccessTokenClaims | null>>()
    expect(request.authenticate).type.not.toBeCallableWith({ optional: 'yes' })
  })
})

describe('a reply', () => {
  test('creates a session and returns the response body', () => {
    expect(reply.startSession({ sub: 'a' })).type.toBe<Promise<TokenResponse>>()
    expect(reply.startSession).type.toBeCallableWith({
      sub: 'a',
      remember: false,
      ttl: '1h',
      metadata: { a: 1 }
    })
    expect(reply.startSession).type.not.toBeCallableWith({ id: 'a' })
    expect(reply.startSession).type.not.toBeCallableWith(null)
    expect(reply.refreshSession()).type.toBe<Promise<TokenResponse>>()
    expect(reply.endSession()).type.toBe<Promise<void>>()
    expect<TokenResponse['token_type']>().type.toBe<'Bearer'>()
    expect<TokenResponse['refresh_token']>().type.toBe<string | undefined>()
  })
})

import { describe, test } from 'node:test'
import { expectTypeOf } from 'expect-type'
import {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  type preHandlerAsyncHookHandler
} from 'fastify'
import {
  type AccessTokenClaims,
  type AccessTokenResponse,
  type AuthHook,
  authenticate,
  authorize,
  checkOrigin,
  requireAuthentication,
  type Session,
  type Sessions,
  type TokenResponse,
  type Tokens
} from 'fastify-refresh-token'

declare const app: FastifyInstance
declare const request: FastifyRequest
declare const reply: FastifyReply

describe('the app', () => {
  test('guards routes of each kind of server', () => {
    const secure = fastify({ http2: true, https: {} })
    secure.get('/', { preHandler: secure.authenticate }, async () => '')
    const plain = fastify({ http2: true })
    plain.get('/', { onRequest: [plain.authenticate] }, async () => '')
  })

  test('guards routes with authenticate and authorize', () => {
    expectTypeOf(app.authenticate).toEqualTypeOf<AuthHook>()
    expectTypeOf(app.authenticate).toExtend<preHandlerAsyncHookHandler>()
    expectTypeOf(app.authorize('read', 'write')).toEqualTypeOf<AuthHook>()
    expectTypeOf(app.authorize()).toEqualTypeOf<AuthHook>()
    app.authorize((user: AccessTokenClaims) => user.sub === 'a')
    app.authorize(async (_: AccessTokenClaims, request: FastifyRequest) => request.ip !== '')
    // @ts-expect-error
    app.authorize(['read'])
    // @ts-expect-error
    app.authorize(() => 'yes')
  })

  test('guards routes with requireAuthentication', () => {
    expectTypeOf(app.requireAuthentication({ maxAge: '5m' })).toEqualTypeOf<AuthHook>()
    expectTypeOf(requireAuthentication({ acr: ['otp'] as const })).toEqualTypeOf<AuthHook>()
    // @ts-expect-error
    app.requireAuthentication()
    // @ts-expect-error
    app.requireAuthentication({ maxAge: true })
    // @ts-expect-error
    app.requireAuthentication({ age: 5 })
  })

  test('guards routes with the exported hooks', () => {
    expectTypeOf(authenticate).toEqualTypeOf<AuthHook>()
    expectTypeOf(checkOrigin).toEqualTypeOf<AuthHook>()
    expectTypeOf(authorize('read', 'write')).toEqualTypeOf<AuthHook>()
    authorize(async (user: AccessTokenClaims, request: FastifyRequest) => user.sub === request.ip)
    // @ts-expect-error
    authorize(['read'])
    // @ts-expect-error
    authorize(() => 'yes')
    const handler = async () => ({})
    fastify({ http2: true, https: {} }).get('/', { preHandler: [authenticate, authorize('a')] }, handler)
    fastify().addHook('onRequest', authenticate)
    fastify().post('/', { onRequest: checkOrigin }, handler)
  })

  test('accepts the hooks for one route and for all routes', () => {
    const { authenticate, authorize } = app
    const handler = async () => ({})
    fastify().get('/', { preHandler: authenticate }, handler)
    fastify().get('/', { onRequest: [authenticate, authorize('a')] }, handler)
    fastify().addHook('preHandler', authenticate)
    fastify().addHook('onRequest', authenticate)
  })

  test('checks the origin of requests to its own routes', () => {
    expectTypeOf(app.checkOrigin).toEqualTypeOf<AuthHook>()
    fastify().post('/', { onRequest: app.checkOrigin }, async () => ({}))
    fastify().addHook('onRequest', app.checkOrigin)
  })

  test('has app.sessions', () => {
    expectTypeOf(app.sessions).toEqualTypeOf<Sessions>()
    expectTypeOf(app.sessions.create({ sub: 'a' })).toEqualTypeOf<Promise<Tokens>>()
    expectTypeOf(app.sessions.refresh('token')).toEqualTypeOf<Promise<Tokens>>()
    expectTypeOf(app.sessions.verify('token')).toEqualTypeOf<Promise<AccessTokenClaims>>()
    expectTypeOf(app.sessions.get('sid')).toEqualTypeOf<Promise<Session | null>>()
    expectTypeOf(app.sessions.list('sub')).toEqualTypeOf<Promise<Session[]>>()
    expectTypeOf(app.sessions.update('sid', { name: null })).toEqualTypeOf<Promise<Session | null>>()
    app.sessions.update('sid', { claims: {} })
    // @ts-expect-error
    app.sessions.update('sid', { sub: 'a' })
    // @ts-expect-error
    app.sessions.update('sid')
    expectTypeOf(app.sessions.revoke('sid')).toEqualTypeOf<Promise<boolean>>()
    expectTypeOf(app.sessions.revokeAll('sub')).toEqualTypeOf<Promise<number>>()
    app.sessions.revokeAll('sub', { except: 'sid' })
    // @ts-expect-error
    app.sessions.create({})
    // @ts-expect-error
    app.sessions.revokeAll('sub', 'sid')
    expectTypeOf(app.sessions.rotateKeys()).toEqualTypeOf<Promise<void>>()
    app.sessions.rotateKeys(['pem'])
    // @ts-expect-error
    app.sessions.rotateKeys('pem')
    // @ts-expect-error
    app.sessions.rotateKeys(async () => ['pem'])
  })
})

describe('a request', () => {
  test('has a user after the authentication', () => {
    expectTypeOf(request.user).toEqualTypeOf<AccessTokenClaims | null>()
    expectTypeOf(request.authenticate()).toEqualTypeOf<Promise<AccessTokenClaims>>()
    expectTypeOf(request.authenticate({ optional: true })).toEqualTypeOf<Promise<AccessTokenClaims | null>>()
    // @ts-expect-error
    request.authenticate({ optional: 'yes' })
  })
})

describe('a reply', () => {
  test('creates a session and returns the response body', () => {
    expectTypeOf(reply.startSession({ sub: 'a' })).toEqualTypeOf<Promise<TokenResponse>>()
    reply.startSession({ sub: 'a', remember: false, ttl: '1h', metadata: { a: 1 } })
    // @ts-expect-error
    reply.startSession({ id: 'a' })
    // @ts-expect-error
    reply.startSession(null)
    expectTypeOf(reply.refreshSession()).toEqualTypeOf<Promise<TokenResponse>>()
    expectTypeOf(reply.reissueAccessToken()).toEqualTypeOf<Promise<AccessTokenResponse>>()
    expectTypeOf(reply.elevate({ acr: 'otp', amr: ['otp'] })).toEqualTypeOf<Promise<AccessTokenResponse>>()
    // @ts-expect-error
    reply.elevate({ acr: 2 })
    // @ts-expect-error
    reply.elevate()
    expectTypeOf(reply.endSession()).toEqualTypeOf<Promise<void>>()
    expectTypeOf<TokenResponse['token_type']>().toEqualTypeOf<'Bearer'>()
    expectTypeOf<TokenResponse['refresh_token']>().toEqualTypeOf<string | undefined>()
  })
})

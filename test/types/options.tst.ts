import type { JsonWebKey, KeyObject } from 'node:crypto'
import { type FastifyRequest, fastify } from 'fastify'
import defaultExport, {
  type AccessTokenAlgorithm,
  type AccessTokenKey,
  type Duration,
  type FastifyRefreshTokenOptions,
  fastifyRefreshToken,
  type Identity,
  MemoryStore,
  type RedisStore,
  type Session,
  type SessionStore
} from 'fastify-refresh-token'
import type { Cluster, Redis } from 'ioredis'
import { describe, expect, test } from 'tstyche'

const secret = 'x'.repeat(32)
const login = async (): Promise<Identity | null> => null
declare const redis: Redis
declare const cluster: Cluster

describe('the plugin', () => {
  test('is the same default and named export', () => {
    expect(defaultExport).type.toBe<typeof fastifyRefreshToken>()
  })

  test('registers with its options', () => {
    const app = fastify()
    expect(app.register).type.toBeCallableWith(fastifyRefreshToken, { secret, login })
    expect(app.register).type.toBeCallableWith(fastifyRefreshToken, { secret, routes: { login: false } })
    expect(app.register).type.not.toBeCallableWith(fastifyRefreshToken, { login })
    expect(app.register).type.not.toBeCallableWith(fastifyRefreshToken, { secret, login, cookies: {} })
    expect(app.register).type.not.toBeCallableWith(fastifyRefreshToken)
  })
})

describe('options', () => {
  test('accept one secret or several, including read-only arrays', () => {
    expect<FastifyRefreshTokenOptions>().type.toBeAssignableFrom<{ secret: string }>()
    expect<FastifyRefreshTokenOptions>().type.toBeAssignableFrom<{ secret: Buffer }>()
    expect<FastifyRefreshTokenOptions>().type.toBeAssignableFrom<{ secret: readonly [string, Buffer] }>()
    expect<FastifyRefreshTokenOptions>().type.not.toBeAssignableFrom<{ secret: string | undefined }>()
    expect<FastifyRefreshTokenOptions>().type.not.toBeAssignableFrom<{ secret: number }>()
    expect<FastifyRefreshTokenOptions>().type.not.toBeAssignableFrom<object>()
  })

  test('accept keys in each form, including read-only arrays', () => {
    type Keys = NonNullable<FastifyRefreshTokenOptions['accessToken']>['keys']
    expect<Keys>().type.toBeAssignableFrom<readonly [string, Buffer, KeyObject]>()
    expect<Keys>().type.toBeAssignableFrom<JsonWebKey[]>()
    expect<Keys>().type.toBeAssignableFrom<[{ kty: 'OKP'; crv: 'Ed25519'; x: string; kid: string }]>()
    expect<Keys>().type.toBeAssignableFrom<() => AccessTokenKey[]>()
    expect<Keys>().type.toBeAssignableFrom<() => Promise<readonly [string, KeyObject]>>()
    expect<Keys>().type.not.toBeAssignableFrom<() => Promise<string>>()
    expect<Keys>().type.not.toBeAssignableFrom<(kid: string) => AccessTokenKey[]>()
    expect<AccessTokenKey>().type.not.toBeAssignableFrom<{ kty: 'OKP'; kid: number }>()
    expect<AccessTokenAlgorithm>().type.toBe<'HS256' | 'EdDSA' | 'ES256' | 'RS256'>()
  })

  test('accept the clients of ioredis and any store', () => {
    expect({ secret, redis }).type.toBeAssignableTo<FastifyRefreshTokenOptions>()
    expect({ secret, redis: cluster }).type.toBeAssignableTo<FastifyRefreshTokenOptions>()
    expect({ secret, store: new MemoryStore() }).type.toBeAssignableTo<FastifyRefreshTokenOptions>()
    expect({ secret, redis: 'redis://localhost' }).type.not.toBeAssignableTo<FastifyRefreshTokenOptions>()
    expect({ secret, store: {} }).type.not.toBeAssignableTo<FastifyRefreshTokenOptions>()
  })

  test('accept synchronous and asynchronous results of login and the hooks', () => {
    type Login = NonNullable<FastifyRefreshTokenOptions['login']>
    expect<Login>().type.toBeAssignableFrom<() => { sub: string }>()
    expect<Login>().type.toBeAssignableFrom<() => Promise<{ sub: string } | null>>()
    expect<Login>().type.toBeAssignableFrom<(request: FastifyRequest) => Promise<undefined>>()
    expect<Login>().type.toBeAssignableFrom<() => false>()
    expect<Login>().type.not.toBeAssignableFrom<() => { id: string }>()
    expect<Login>().type.not.toBeAssignableFrom<() => { sub: number }>()
    expect<Login>().type.not.toBeAssignableFrom<() => true>()

    type Load = NonNullable<NonNullable<FastifyRefreshTokenOptions['session']>['load']>
    expect<Load>().type.toBeAssignableFrom<
      (sub: string, session: Session) => Promise<{ claims: { scope: string } } | null>
    >()
    expect<Load>().type.toBeAssignableFrom<() => object>()
    expect<Load>().type.not.toBeAssignableFrom<() => Promise<boolean>>()
  })

  test('have the event type of each hook', () => {
    const options: FastifyRefreshTokenOptions = {
      secret,
      onLogin: (event, request) => {
        expect(event.sub).type.toBe<string>()
        expect(request).type.toBe<FastifyRequest | null>()
      },
      onRefresh: async (event) => {
        expect(event.outcome).type.toBe<'rotated' | 'replayed'>()
        expect(event.rollback).type.toBe<boolean>()
        expect(event.row).type.toBe<number>()
      },
      onLogout: (event) => {
        expect(event.reason).type.toBe<'logout' | 'revoked' | 'replaced' | 'evicted' | 'disabled'>()
      },
      onReuse: (event) => {
        expect(event.reason).type.toBe<'reuse' | 'rollback'>()
        expect(event).type.not.toHaveProperty('token')
      }
    }
    expect(options).type.toBe<FastifyRefreshTokenOptions>()
  })

  test('that are misspelled or invalid do not compile', () => {
    type Options = FastifyRefreshTokenOptions
    expect<NonNullable<Options['transport']>>().type.toBe<
      'cookie' | 'body' | 'header' | ((request: FastifyRequest) => 'cookie' | 'body' | 'header')
    >()
    expect<Options['transport']>().type.not.toBeAssignableFrom<'cookies'>()
    expect<Options['accessToken']>().type.not.toBeAssignableFrom<{ ttl: Date }>()
    expect<Options['accessToken']>().type.not.toBeAssignableFrom<{ algorithm: 'none' }>()
    expect<Options['accessToken']>().type.toBeAssignableFrom<{
      read: (request: FastifyRequest) => string | undefined
    }>()
    expect<Options['accessToken']>().type.not.toBeAssignableFrom<{ read: () => Promise<string> }>()
    expect<Options['accessToken']>().type.not.toBeAssignableFrom<{ keys: KeyObject }>()
    expect<Options['accessToken']>().type.not.toBeAssignableFrom<{ keys: [number] }>()
    expect<Options['refreshToken']>().type.not.toBeAssignableFrom<{ rollback: 'adopt' }>()
    expect<Options['cookie']>().type.not.toBeAssignableFrom<{ sameSite: 'Strict' }>()
    expect<Options['cookie']>().type.not.toBeAssignableFrom<{ secure: 'auto' }>()
    expect<Options['csrf']>().type.toBeAssignableFrom<{ trustedOrigins: readonly string[] }>()
    expect<Options['csrf']>().type.not.toBeAssignableFrom<{ trustedOrigins: string }>()
    expect<Options['revocation']>().type.not.toBeAssignableFrom<{ mode: 'always' }>()
    expect<Duration>().type.toBe<number | string>()
  })

  test('of routes are those of Fastify without method, url and handler', () => {
    type Login = NonNullable<FastifyRefreshTokenOptions['routes']>['login']
    expect<NonNullable<FastifyRefreshTokenOptions['routes']>['jwks']>().type.toBe<Login>()
    expect<Login>().type.toBeAssignableFrom<boolean>()
    expect<Login>().type.toBeAssignableFrom<{ schema: { body: object }; bodyLimit: number }>()
    expect<NonNullable<Exclude<Login, boolean>>>().type.not.toHaveProperty('url')
    expect<NonNullable<Exclude<Login, boolean>>>().type.not.toHaveProperty('method')
    expect<NonNullable<Exclude<Login, boolean>>>().type.not.toHaveProperty('handler')
  })
})

describe('stores', () => {
  test('of the package implement the contract', () => {
    expect<MemoryStore>().type.toBeAssignableTo<SessionStore>()
    expect<RedisStore>().type.toBeAssignableTo<SessionStore>()
    expect(MemoryStore).type.toBeConstructableWith()
    expect(MemoryStore).type.toBeConstructableWith({ now: () => 0 })
    expect(MemoryStore).type.not.toBeConstructableWith({ now: 0 })
  })
})

import type { JsonWebKey, KeyObject } from 'node:crypto'
import { describe, test } from 'node:test'
import { expectTypeOf } from 'expect-type'
import { type FastifyRequest, fastify } from 'fastify'
import defaultExport, {
  type AccessTokenAlgorithm,
  type AccessTokenKey,
  type Duration,
  type FastifyRefreshTokenOptions,
  fastifyRefreshToken,
  type Identity,
  MemoryStore,
  type Metadata,
  type RedisStore,
  type Session,
  type SessionStore
} from 'fastify-refresh-token'
import type { Cluster, Redis } from 'ioredis'

const secret = 'x'.repeat(32)
const login = async (): Promise<Identity | null> => null
declare const redis: Redis
declare const cluster: Cluster

describe('the plugin', () => {
  test('is the same default and named export', () => {
    expectTypeOf(defaultExport).toEqualTypeOf<typeof fastifyRefreshToken>()
  })

  test('registers with its options', () => {
    const app = fastify()
    app.register(fastifyRefreshToken, { secret, login })
    app.register(fastifyRefreshToken, { secret, routes: { login: false } })
    // @ts-expect-error
    app.register(fastifyRefreshToken, { login })
    // @ts-expect-error
    app.register(fastifyRefreshToken, { secret, login, cookies: {} })
    // @ts-expect-error
    app.register(fastifyRefreshToken)
  })
})

describe('options', () => {
  test('accept one secret or several, including read-only arrays', () => {
    expectTypeOf<{ secret: string }>().toExtend<FastifyRefreshTokenOptions>()
    expectTypeOf<{ secret: Buffer }>().toExtend<FastifyRefreshTokenOptions>()
    expectTypeOf<{ secret: readonly [string, Buffer] }>().toExtend<FastifyRefreshTokenOptions>()
    expectTypeOf<{ secret: string | undefined }>().not.toExtend<FastifyRefreshTokenOptions>()
    expectTypeOf<{ secret: number }>().not.toExtend<FastifyRefreshTokenOptions>()
    expectTypeOf<object>().not.toExtend<FastifyRefreshTokenOptions>()
  })

  test('accept keys in each form, including read-only arrays', () => {
    type Keys = NonNullable<FastifyRefreshTokenOptions['accessToken']>['keys']
    expectTypeOf<readonly [string, Buffer, KeyObject]>().toExtend<Keys>()
    expectTypeOf<JsonWebKey[]>().toExtend<Keys>()
    expectTypeOf<[{ kty: 'OKP'; crv: 'Ed25519'; x: string; kid: string }]>().toExtend<Keys>()
    expectTypeOf<() => AccessTokenKey[]>().toExtend<Keys>()
    expectTypeOf<() => Promise<readonly [string, KeyObject]>>().toExtend<Keys>()
    expectTypeOf<() => Promise<string>>().not.toExtend<Keys>()
    expectTypeOf<(kid: string) => AccessTokenKey[]>().not.toExtend<Keys>()
    expectTypeOf<{ kty: 'OKP'; kid: number }>().not.toExtend<AccessTokenKey>()
    expectTypeOf<AccessTokenAlgorithm>().toEqualTypeOf<'HS256' | 'EdDSA' | 'ES256' | 'RS256'>()
  })

  test('accept the clients of ioredis and any store', () => {
    expectTypeOf({ secret, redis }).toExtend<FastifyRefreshTokenOptions>()
    expectTypeOf({ secret, redis: cluster }).toExtend<FastifyRefreshTokenOptions>()
    expectTypeOf({ secret, store: new MemoryStore() }).toExtend<FastifyRefreshTokenOptions>()
    expectTypeOf({ secret, redis: 'redis://localhost' }).not.toExtend<FastifyRefreshTokenOptions>()
    expectTypeOf({ secret, store: {} }).not.toExtend<FastifyRefreshTokenOptions>()
  })

  test('accept synchronous and asynchronous results of login and the hooks', () => {
    type Login = NonNullable<FastifyRefreshTokenOptions['login']>
    expectTypeOf<() => { sub: string }>().toExtend<Login>()
    expectTypeOf<() => Promise<{ sub: string } | null>>().toExtend<Login>()
    expectTypeOf<(request: FastifyRequest) => Promise<undefined>>().toExtend<Login>()
    expectTypeOf<() => false>().toExtend<Login>()
    expectTypeOf<() => { id: string }>().not.toExtend<Login>()
    expectTypeOf<() => { sub: number }>().toExtend<Login>()
    expectTypeOf<() => { sub: bigint }>().toExtend<Login>()
    expectTypeOf<() => { sub: Date }>().not.toExtend<Login>()
    expectTypeOf<() => true>().not.toExtend<Login>()

    type Load = NonNullable<NonNullable<FastifyRefreshTokenOptions['session']>['load']>
    expectTypeOf<
      (sub: string, session: Session) => Promise<{ claims: { scope: string } } | null>
    >().toExtend<Load>()
    expectTypeOf<() => object>().toExtend<Load>()
    expectTypeOf<() => Promise<boolean>>().not.toExtend<Load>()
  })

  test('have the event type of each hook', () => {
    const options: FastifyRefreshTokenOptions = {
      secret,
      onLogin: (event, request) => {
        expectTypeOf(event.sub).toEqualTypeOf<string>()
        expectTypeOf(request).toEqualTypeOf<FastifyRequest | null>()
      },
      onRefresh: async (event) => {
        expectTypeOf(event.outcome).toEqualTypeOf<'rotated' | 'replayed'>()
        expectTypeOf(event.rollback).toEqualTypeOf<boolean>()
        expectTypeOf(event.row).toEqualTypeOf<number>()
        expectTypeOf(event.previousMetadata).toEqualTypeOf<Metadata>()
      },
      onLogout: (event) => {
        expectTypeOf(event.reason).toEqualTypeOf<'logout' | 'revoked' | 'replaced' | 'evicted' | 'disabled'>()
      },
      onReuse: (event) => {
        expectTypeOf(event.reason).toEqualTypeOf<'reuse' | 'rollback'>()
        expectTypeOf(event).not.toHaveProperty('token')
      }
    }
    expectTypeOf(options).toEqualTypeOf<FastifyRefreshTokenOptions>()
  })

  test('that are misspelled or invalid do not compile', () => {
    type Options = FastifyRefreshTokenOptions
    type AccessToken = NonNullable<Options['accessToken']>
    expectTypeOf<AccessToken['clientId']>().toEqualTypeOf<
      string | ((session: Session) => string) | undefined
    >()
    type Csrf = NonNullable<Options['csrf']>
    expectTypeOf<NonNullable<Options['transport']>>().toEqualTypeOf<
      'cookie' | 'body' | 'header' | ((request: FastifyRequest) => 'cookie' | 'body' | 'header')
    >()
    expectTypeOf<'cookies'>().not.toExtend<Options['transport']>()
    expectTypeOf<Date>().not.toExtend<AccessToken['ttl']>()
    expectTypeOf<'none'>().not.toExtend<AccessToken['algorithm']>()
    expectTypeOf<(request: FastifyRequest) => string | undefined>().toExtend<AccessToken['read']>()
    expectTypeOf<() => Promise<string>>().not.toExtend<AccessToken['read']>()
    expectTypeOf<KeyObject>().not.toExtend<AccessToken['keys']>()
    expectTypeOf<[number]>().not.toExtend<AccessToken['keys']>()
    expectTypeOf<'adopt'>().not.toExtend<NonNullable<Options['refreshToken']>['rollback']>()
    expectTypeOf<'Strict'>().not.toExtend<NonNullable<Options['cookie']>['sameSite']>()
    expectTypeOf<'auto'>().not.toExtend<NonNullable<Options['cookie']>['secure']>()
    expectTypeOf<readonly [{ name: string }, { path: string; domain: string }]>().toExtend<
      NonNullable<Options['cookie']>['previous']
    >()
    expectTypeOf<readonly string[]>().not.toExtend<NonNullable<Options['cookie']>['previous']>()
    expectTypeOf<readonly string[]>().toExtend<Csrf['trustedOrigins']>()
    expectTypeOf<string>().not.toExtend<Csrf['trustedOrigins']>()
    expectTypeOf<'always'>().not.toExtend<NonNullable<Options['revocation']>['mode']>()
    expectTypeOf<Duration>().toEqualTypeOf<number | string>()
  })

  test('of OAuth take a function of the request, and no issuer', () => {
    type OAuth = NonNullable<FastifyRefreshTokenOptions['oauth']>
    expectTypeOf<(request: FastifyRequest) => boolean>().toExtend<OAuth['canIntrospect']>()
    expectTypeOf<() => Promise<boolean>>().toExtend<OAuth['canIntrospect']>()
    expectTypeOf<() => string>().not.toExtend<OAuth['canIntrospect']>()
    expectTypeOf<{ scopes_supported: string[] }>().toExtend<OAuth['serverMetadata']>()
    expectTypeOf<{ issuer: string }>().not.toExtend<OAuth['serverMetadata']>()
  })

  test('of routes are those of Fastify without method, url and handler', () => {
    type Login = NonNullable<FastifyRefreshTokenOptions['routes']>['login']
    expectTypeOf<NonNullable<FastifyRefreshTokenOptions['routes']>['jwks']>().toEqualTypeOf<Login>()
    expectTypeOf<boolean>().toExtend<Login>()
    expectTypeOf<{ schema: { body: object }; bodyLimit: number }>().toExtend<Login>()
    expectTypeOf<NonNullable<Exclude<Login, boolean>>>().not.toHaveProperty('url')
    expectTypeOf<NonNullable<Exclude<Login, boolean>>>().not.toHaveProperty('method')
    expectTypeOf<NonNullable<Exclude<Login, boolean>>>().not.toHaveProperty('handler')
  })
})

describe('stores', () => {
  test('of the package implement the contract', () => {
    expectTypeOf<MemoryStore>().toExtend<SessionStore>()
    expectTypeOf<RedisStore>().toExtend<SessionStore>()
    new MemoryStore()
    new MemoryStore({ now: () => 0 })
    // @ts-expect-error
    new MemoryStore({ now: 0 })
  })
})

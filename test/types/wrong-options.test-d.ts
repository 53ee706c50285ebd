import { describe, test } from 'node:test'
import { expectTypeOf } from 'expect-type'
import { fastify } from 'fastify'
import { type FastifyRefreshTokenOptions, fastifyRefreshToken } from 'fastify-refresh-token'

const app = fastify()
const secret = 'x'.repeat(32)
const login = () => null

type Options = FastifyRefreshTokenOptions
type Group<K extends keyof Options> = Exclude<NonNullable<Options[K]>, string | boolean>
type Route<K extends keyof Group<'routes'>> = Exclude<NonNullable<Group<'routes'>[K]>, string | boolean>

describe('an option of the wrong type does not compile', () => {
  test('at the top level', () => {
    expectTypeOf<string>().not.toExtend<Options['login']>()
    expectTypeOf<() => Promise<string>>().not.toExtend<Options['login']>()
    expectTypeOf<number[]>().not.toExtend<Options['secret']>()
    expectTypeOf<string>().not.toExtend<Options['redis']>()
    expectTypeOf<Map<string, string>>().not.toExtend<Options['store']>()
    expectTypeOf<number>().not.toExtend<Options['keyPrefix']>()
    expectTypeOf<Date>().not.toExtend<Options['storeTimeout']>()
    expectTypeOf<() => 'cookies'>().not.toExtend<Options['transport']>()
    expectTypeOf<string>().not.toExtend<Options['onLogin']>()
    expectTypeOf<(event: { outcome: 'lost' }) => void>().not.toExtend<Options['onRefresh']>()
    expectTypeOf<(event: { reason: 'reuse' }) => void>().not.toExtend<Options['onLogout']>()
    expectTypeOf<(event: { reason: 'logout' }) => void>().not.toExtend<Options['onReuse']>()
  })

  test('of accessToken', () => {
    expectTypeOf<boolean>().not.toExtend<Group<'accessToken'>['ttl']>()
    expectTypeOf<string[]>().not.toExtend<Group<'accessToken'>['issuer']>()
    expectTypeOf<string[]>().toExtend<Group<'accessToken'>['audience']>()
    expectTypeOf<number[]>().not.toExtend<Group<'accessToken'>['audience']>()
    expectTypeOf<boolean>().not.toExtend<Group<'accessToken'>['clockTolerance']>()
    expectTypeOf<Uint8Array[]>().toExtend<Options['secret']>()
    expectTypeOf<Uint8Array[]>().toExtend<Group<'accessToken'>['keys']>()
    expectTypeOf<'HS512'>().not.toExtend<Group<'accessToken'>['algorithm']>()
    expectTypeOf<string>().not.toExtend<Group<'accessToken'>['keys']>()
    expectTypeOf<string[]>().not.toExtend<Group<'accessToken'>['header']>()
    expectTypeOf<boolean>().not.toExtend<Group<'accessToken'>['cache']>()
  })

  test('of refreshToken', () => {
    expectTypeOf<boolean>().not.toExtend<Group<'refreshToken'>['ttl']>()
    expectTypeOf<boolean>().not.toExtend<Group<'refreshToken'>['grace']>()
    expectTypeOf<string>().not.toExtend<Group<'refreshToken'>['untilConfirmed']>()
    expectTypeOf<boolean>().not.toExtend<Group<'refreshToken'>['confirms']>()
    expectTypeOf<() => string>().not.toExtend<Group<'refreshToken'>['allowReplay']>()
    expectTypeOf<'ignore'>().not.toExtend<Group<'refreshToken'>['rollback']>()
  })

  test('of session', () => {
    expectTypeOf<boolean>().not.toExtend<Group<'session'>['ttl']>()
    expectTypeOf<string>().not.toExtend<Group<'session'>['maxPerUser']>()
    expectTypeOf<() => string>().not.toExtend<Group<'session'>['maxPerUser']>()
    expectTypeOf<() => Promise<number>>().toExtend<Group<'session'>['maxPerUser']>()
    expectTypeOf<'evict'>().not.toExtend<Group<'session'>['onLimit']>()
    expectTypeOf<() => 'evict'>().not.toExtend<Group<'session'>['onLimit']>()
    expectTypeOf<() => 'reject'>().toExtend<Group<'session'>['onLimit']>()
    expectTypeOf<() => string>().not.toExtend<Group<'session'>['load']>()
    expectTypeOf<() => string>().not.toExtend<Group<'session'>['metadata']>()
  })

  test('of cookie and header', () => {
    expectTypeOf<number>().not.toExtend<Group<'cookie'>['name']>()
    expectTypeOf<boolean>().not.toExtend<Group<'cookie'>['path']>()
    expectTypeOf<string[]>().not.toExtend<Group<'cookie'>['domain']>()
    expectTypeOf<boolean>().not.toExtend<Group<'cookie'>['sameSite']>()
    expectTypeOf<'auto'>().not.toExtend<Group<'cookie'>['secure']>()
    expectTypeOf<'yes'>().not.toExtend<Group<'cookie'>['partitioned']>()
    expectTypeOf<boolean>().not.toExtend<Group<'header'>['refreshToken']>()
    expectTypeOf<boolean>().not.toExtend<Group<'header'>['accessToken']>()
  })

  test('of routes, csrf, revocation and durability', () => {
    expectTypeOf<boolean>().not.toExtend<Group<'routes'>['prefix']>()
    expectTypeOf<string>().not.toExtend<Group<'routes'>['login']>()
    expectTypeOf<string>().not.toExtend<Route<'refresh'>['bodyLimit']>()
    expectTypeOf<string>().not.toExtend<Route<'logout'>['onRequest']>()
    expectTypeOf<string>().not.toExtend<Route<'logoutAll'>['schema']>()
    expectTypeOf<string>().not.toExtend<Route<'sessions'>['preHandler']>()
    expectTypeOf<number>().not.toExtend<Route<'logoutOthers'>['schema']>()
    expectTypeOf<{ acr: 2 }>().not.toExtend<Group<'routes'>['stepUp']>()
    expectTypeOf<{ maxAge: '5m'; acr: string[] }>().toExtend<Group<'routes'>['stepUp']>()
    expectTypeOf<RegExp[]>().not.toExtend<Group<'csrf'>['trustedOrigins']>()
    expectTypeOf<() => string>().not.toExtend<Group<'csrf'>['trustedOrigins']>()
    expectTypeOf<(origin: string) => boolean>().toExtend<Group<'csrf'>['trustedOrigins']>()
    expectTypeOf<(origin: string) => Promise<boolean>>().not.toExtend<Group<'csrf'>['trustedOrigins']>()
    expectTypeOf<boolean>().not.toExtend<Group<'revocation'>['mode']>()
    expectTypeOf<'refuse'>().not.toExtend<Group<'revocation'>['onStale']>()
    expectTypeOf<Date>().not.toExtend<Group<'revocation'>['staleAfter']>()
    expectTypeOf<string>().not.toExtend<Group<'durability'>['replicas']>()
    expectTypeOf<['login']>().not.toExtend<Group<'durability'>['of']>()
  })
})

describe('a misspelled option does not compile', () => {
  test('in each group', () => {
    const { register } = app
    register(fastifyRefreshToken, { secret, login })
    // @ts-expect-error
    register(fastifyRefreshToken, { secret, logIn: login })
    // @ts-expect-error
    register(fastifyRefreshToken, { secret, accessToken: { tll: 1 } })
    // @ts-expect-error
    register(fastifyRefreshToken, { secret, refreshToken: { tll: 1 } })
    // @ts-expect-error
    register(fastifyRefreshToken, { secret, session: { max: 1 } })
    // @ts-expect-error
    register(fastifyRefreshToken, { secret, cookie: { httpOnly: true } })
    // @ts-expect-error
    register(fastifyRefreshToken, { secret, header: { refresh: 'x' } })
    // @ts-expect-error
    register(fastifyRefreshToken, { secret, routes: { signIn: false } })
    // @ts-expect-error
    register(fastifyRefreshToken, { secret, routes: { login: { url: '/' } } })
    // @ts-expect-error
    register(fastifyRefreshToken, { secret, csrf: { origins: [] } })
    // @ts-expect-error
    register(fastifyRefreshToken, { secret, revocation: { stale: 1 } })
  })
})

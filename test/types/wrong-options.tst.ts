import { fastify } from 'fastify'
import { type FastifyRefreshTokenOptions, fastifyRefreshToken } from 'fastify-refresh-token'
import { describe, expect, test } from 'tstyche'

const app = fastify()
const secret = 'x'.repeat(32)
const login = () => null

type Options = FastifyRefreshTokenOptions
type Group<K extends keyof Options> = Exclude<NonNullable<Options[K]>, string | boolean>

describe('an option of the wrong type does not compile', () => {
  test('at the top level', () => {
    expect<Options['login']>().type.not.toBeAssignableFrom<string>()
    expect<Options['login']>().type.not.toBeAssignableFrom<() => Promise<string>>()
    expect<Options['secret']>().type.not.toBeAssignableFrom<number[]>()
    expect<Options['redis']>().type.not.toBeAssignableFrom<string>()
    expect<Options['store']>().type.not.toBeAssignableFrom<Map<string, string>>()
    expect<Options['keyPrefix']>().type.not.toBeAssignableFrom<number>()
    expect<Options['storeTimeout']>().type.not.toBeAssignableFrom<Date>()
    expect<Options['transport']>().type.not.toBeAssignableFrom<() => 'cookies'>()
    expect<Options['onLogin']>().type.not.toBeAssignableFrom<string>()
    expect<Options['onRefresh']>().type.not.toBeAssignableFrom<(event: { outcome: 'lost' }) => void>()
    expect<Options['onLogout']>().type.not.toBeAssignableFrom<(event: { reason: 'reuse' }) => void>()
    expect<Options['onReuse']>().type.not.toBeAssignableFrom<(event: { reason: 'logout' }) => void>()
  })

  test('of accessToken', () => {
    expect<Group<'accessToken'>>().type.not.toBeAssignableFrom<{ ttl: boolean }>()
    expect<Group<'accessToken'>>().type.not.toBeAssignableFrom<{ issuer: string[] }>()
    expect<Group<'accessToken'>>().type.not.toBeAssignableFrom<{ audience: string[] }>()
    expect<Group<'accessToken'>>().type.not.toBeAssignableFrom<{ algorithm: 'HS512' }>()
    expect<Group<'accessToken'>>().type.not.toBeAssignableFrom<{ keys: string }>()
    expect<Group<'accessToken'>>().type.not.toBeAssignableFrom<{ header: string[] }>()
    expect<Group<'accessToken'>>().type.not.toBeAssignableFrom<{ cache: boolean }>()
  })

  test('of refreshToken', () => {
    expect<Group<'refreshToken'>>().type.not.toBeAssignableFrom<{ ttl: boolean }>()
    expect<Group<'refreshToken'>>().type.not.toBeAssignableFrom<{ grace: boolean }>()
    expect<Group<'refreshToken'>>().type.not.toBeAssignableFrom<{ untilConfirmed: string }>()
    expect<Group<'refreshToken'>>().type.not.toBeAssignableFrom<{ confirms: boolean }>()
    expect<Group<'refreshToken'>>().type.not.toBeAssignableFrom<{ allowReplay: () => string }>()
    expect<Group<'refreshToken'>>().type.not.toBeAssignableFrom<{ rollback: 'ignore' }>()
  })

  test('of session', () => {
    expect<Group<'session'>>().type.not.toBeAssignableFrom<{ ttl: boolean }>()
    expect<Group<'session'>>().type.not.toBeAssignableFrom<{ maxPerUser: string }>()
    expect<Group<'session'>>().type.not.toBeAssignableFrom<{ load: () => string }>()
    expect<Group<'session'>>().type.not.toBeAssignableFrom<{ metadata: () => string }>()
  })

  test('of cookie and header', () => {
    expect<Group<'cookie'>>().type.not.toBeAssignableFrom<{ name: number }>()
    expect<Group<'cookie'>>().type.not.toBeAssignableFrom<{ path: boolean }>()
    expect<Group<'cookie'>>().type.not.toBeAssignableFrom<{ domain: string[] }>()
    expect<Group<'cookie'>>().type.not.toBeAssignableFrom<{ sameSite: boolean }>()
    expect<Group<'cookie'>>().type.not.toBeAssignableFrom<{ secure: 'auto' }>()
    expect<Group<'header'>>().type.not.toBeAssignableFrom<{ refreshToken: boolean }>()
    expect<Group<'header'>>().type.not.toBeAssignableFrom<{ accessToken: boolean }>()
  })

  test('of routes, csrf and revocation', () => {
    expect<Group<'routes'>>().type.not.toBeAssignableFrom<{ prefix: boolean }>()
    expect<Group<'routes'>>().type.not.toBeAssignableFrom<{ login: string }>()
    expect<Group<'routes'>>().type.not.toBeAssignableFrom<{ refresh: { bodyLimit: string } }>()
    expect<Group<'routes'>>().type.not.toBeAssignableFrom<{ logout: { onRequest: string } }>()
    expect<Group<'routes'>>().type.not.toBeAssignableFrom<{ logoutAll: { schema: string } }>()
    expect<Group<'routes'>>().type.not.toBeAssignableFrom<{ sessions: { preHandler: string } }>()
    expect<Group<'csrf'>>().type.not.toBeAssignableFrom<{ trustedOrigins: RegExp[] }>()
    expect<Group<'revocation'>>().type.not.toBeAssignableFrom<{ mode: boolean }>()
    expect<Group<'revocation'>>().type.not.toBeAssignableFrom<{ onStale: 'refuse' }>()
    expect<Group<'revocation'>>().type.not.toBeAssignableFrom<{ staleAfter: Date }>()
    expect<Group<'revocation'>>().type.not.toBeAssignableFrom<{ replicas: string }>()
  })
})

describe('a misspelled option does not compile', () => {
  test('in each group', () => {
    const { register } = app
    expect(register).type.toBeCallableWith(fastifyRefreshToken, { secret, login })
    expect(register).type.not.toBeCallableWith(fastifyRefreshToken, { secret, logIn: login })
    expect(register).type.not.toBeCallableWith(fastifyRefreshToken, { secret, accessToken: { tll: 1 } })
    expect(register).type.not.toBeCallableWith(fastifyRefreshToken, { secret, refreshToken: { tll: 1 } })
    expect(register).type.not.toBeCallableWith(fastifyRefreshToken, { secret, session: { max: 1 } })
    expect(register).type.not.toBeCallableWith(fastifyRefreshToken, { secret, cookie: { httpOnly: true } })
    expect(register).type.not.toBeCallableWith(fastifyRefreshToken, { secret, header: { refresh: 'x' } })
    expect(register).type.not.toBeCallableWith(fastifyRefreshToken, { secret, routes: { signIn: false } })
    expect(register).type.not.toBeCallableWith(fastifyRefreshToken, {
      secret,
      routes: { login: { url: '/' } }
    })
    expect(register).type.not.toBeCallableWith(fastifyRefreshToken, { secret, csrf: { origins: [] } })
    expect(register).type.not.toBeCallableWith(fastifyRefreshToken, { secret, revocation: { stale: 1 } })
  })
})

import { mock } from 'node:test'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { fastifyRefreshToken } from '../../lib/index.js'
import { type AppUnderTest, type BuildOptions, buildApp, SECRET } from '../support/build-app.js'

/** Returns the warnings that the app logged until it was ready. */
async function warningsOf(t: Test, build: BuildOptions): Promise<unknown[]> {
  return messagesOf(await buildApp(t, build))
}

function messagesOf({ logs }: Pick<AppUnderTest, 'logs'>): unknown[] {
  return logs.filter(({ event }) => event === 'option_warning').map(({ msg }) => msg)
}

/** An app whose plugin is registered by the test. */
function createApp(t: Test) {
  const warnings: unknown[] = []
  const app = Fastify()
  t.after(() => app.close())
  mock.method(app.log, 'warn', (_fields: object, message: string) => warnings.push(message))
  return { app, warnings }
}

const TTLS: [ttl: number | string | undefined, days: string | undefined][] = [
  [900_000, '10.4'],
  ['900000', '10.4'],
  ['25h', '1.0'],
  ['1d', undefined],
  [undefined, undefined]
]

for (const [ttl, days] of TTLS) {
  t.test(`${days ? 'warns' : 'does not warn'} about the access token lifetime ${ttl}`, async (t) => {
    const warnings = await warningsOf(t, { options: { accessToken: { ttl } } })
    const warning = `option "accessToken.ttl" is long (${days} days); a number without a unit is in seconds`
    t.strictSame(warnings, days ? [warning] : [])
  })
}

const LATE = '@fastify/swagger is registered after the plugin; its document has no routes of the plugin'
const addSwagger = (app: FastifyInstance) => void app.register(swagger)

t.test('warns about @fastify/swagger after the plugin', async (t) => {
  t.strictSame(await warningsOf(t, { extend: addSwagger }), [LATE])
})

t.test('does not warn about @fastify/swagger before the plugin', async (t) => {
  t.strictSame(await warningsOf(t, { prepare: addSwagger }), [])
})

t.test('warns about @fastify/swagger after a plugin in a child scope', async (t) => {
  const { app, warnings } = createApp(t)
  await app.register(async (scope) => {
    await scope.register(fastifyRefreshToken, { secret: SECRET, login: () => null })
  })
  await app.register(swagger)
  await app.ready()
  t.strictSame(warnings, [LATE])
})

t.test('warns about the cookie path with the prefix of the scope', async (t) => {
  const { app, warnings } = createApp(t)
  const cookie = { name: '__Secure-rt', path: '/auth' }
  const register = async (scope: FastifyInstance) => {
    await scope.register(fastifyRefreshToken, { secret: SECRET, login: () => null, cookie })
  }
  await app.register(register, { prefix: '/api' })
  t.match(warnings, [/^option "cookie\.path" is '\/auth', which does not cover '\/api\/auth\/refresh'/])
})

t.test('warns about sessions in memory in production', async (t) => {
  const { NODE_ENV } = process.env
  process.env.NODE_ENV = 'production'
  t.after(() => {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV
    else process.env.NODE_ENV = NODE_ENV
  })
  const warnings = await warningsOf(t, { options: { store: undefined } })
  t.match(warnings, [/^sessions are in memory, because neither "redis" nor "store" is set/])
})

t.test('a login logs once that the clocks of the store and of the process differ', async (t) => {
  const { app, logs, clock } = await buildApp(t)
  const linesOf = (event: string) => logs.filter((line) => line.event === event)
  await app.sessions.create({ sub: 'ada' })
  t.strictSame(linesOf('clock_skew'), [])
  mock.timers.setTime(clock.nowMs + 6 * 60_000)
  const { accessToken, refreshToken } = await app.sessions.create({ sub: 'ada' })
  await app.sessions.refresh(refreshToken)
  t.match(linesOf('clock_skew'), [{ level: 40, differenceMs: -360_000 }])
  await t.rejects(app.sessions.verify(accessToken), { code: 'FRT_ERR_ACCESS_TOKEN_EXPIRED' })
  mock.timers.setTime(clock.nowMs)
  await app.sessions.create({ sub: 'ada' })
  t.match(linesOf('clock_skew_recovered'), [{ level: 30, differenceMs: 0 }])
  t.equal(linesOf('clock_skew').length, 1)
})

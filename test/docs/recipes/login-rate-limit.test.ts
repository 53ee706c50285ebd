import type { FastifyInstance } from 'fastify'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { buildLoginRateLimit, LIMITS } from '../../../examples/recipes/login-rate-limit.js'
import { SECRET } from '../../support/build-app.js'
import { startRedis } from '../../support/redis-server.js'

const ADA = { username: 'ada', password: 'analytical engine' }
const GRACE = { username: 'grace', password: 'nanoseconds' }

t.test('limits on the login', async (t) => {
  const redis = (await startRedis(t)).client()
  // Two processes share the counters.
  const [one, other] = await Promise.all([build(t, redis), build(t, redis)])

  t.test('after too many attempts with one username, even the right password is rejected', async (t) => {
    const guess = (n: number) =>
      login(n % 2 ? one : other, { username: 'Ada', password: `guess ${n}` }, `192.0.2.${n}`)
    for (let n = 0; n < LIMITS.byUsername.max; n++) t.equal((await guess(n)).statusCode, 401)

    const rejected = await login(other, ADA, '192.0.2.100')
    t.equal(rejected.statusCode, 429)
    t.ok(Number(rejected.headers['retry-after']) > 0)

    t.equal((await login(one, GRACE, '198.51.100.1')).statusCode, 200, 'another user logs in')
  })

  t.test(
    'an address with too many requests is rejected before its body is parsed, and other addresses are not',
    async (t) => {
      const flood = () => login(one, { username: 'grace' }, '203.0.113.1')
      for (let n = 0; n < LIMITS.byAddress.max; n++) t.equal((await flood()).statusCode, 400)

      const rejected = await flood()
      t.equal(rejected.statusCode, 429)
      t.ok(Number(rejected.headers['retry-after']) > 0)
      t.equal((await login(other, GRACE, '203.0.113.1')).statusCode, 429, 'the other process rejects it too')
      t.equal((await login(one, GRACE, '198.51.100.2')).statusCode, 200)
    }
  )
})

async function build(t: Test, redis: Redis) {
  const app = await buildLoginRateLimit({ secret: SECRET, redis })
  t.after(() => app.close())
  return app
}

function login(app: FastifyInstance, payload: object, remoteAddress: string) {
  return app.inject({ method: 'POST', url: '/auth/login', payload, remoteAddress })
}

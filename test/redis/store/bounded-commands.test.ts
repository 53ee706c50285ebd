import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { RedisStore } from '../../../lib/index.js'
import { buildApp } from '../../support/build-app.js'
import { Clock } from '../../support/clock.js'
import { startRedis } from '../../support/redis-server.js'

const TOKENS = 140
const REQUESTS = 5
const MAX_COMMANDS = 40

/** Builds a process of an application. All processes with the same prefix share one Redis. */
async function openApp(t: Test, redis: Redis, keyPrefix: string, clock: Clock) {
  const pass = async () => {}
  const under = {
    store: new RedisStore({ redis, keyPrefix }),
    clock,
    advance: pass,
    skew: pass,
    settled: pass
  }
  // The reader of the feed polls so rarely that its commands do not count.
  const { app } = await buildApp(t, { under, options: { revocation: { staleAfter: '60s' } } })
  return app
}

/** Returns how many commands Redis has executed. Those of scripts count too. */
async function countCommands(redis: Redis): Promise<number> {
  const stats = await redis.info('commandstats')
  return [...stats.matchAll(/cmdstat_(\S+):calls=(\d+)/g)]
    .filter(([, name]) => name !== 'info')
    .reduce((sum, [, , calls]) => sum + Number(calls), 0)
}

for (const users of [1, TOKENS]) {
  t.test(`requests with 140 tokens of revoked sessions cost few commands, with ${users} users`, async (t) => {
    const redis = (await startRedis(t)).client()
    const keyPrefix = `test:${randomUUID()}:`
    const clock = new Clock()
    clock.nowMs = Date.now()
    const other = await openApp(t, redis, keyPrefix, clock)
    const cookies: string[] = []
    for (let i = 0; i < TOKENS; i++) {
      const { refreshToken, session } = await other.sessions.create({ sub: `user-${i % users}` })
      await other.sessions.revoke(session.sid)
      cookies.push(`__Host-refresh_token=${refreshToken}`)
    }
    await other.close()
    const app = await openApp(t, redis, keyPrefix, clock)

    const headers = { cookie: cookies.join('; ') }
    for (const path of ['logout', 'login']) {
      const before = await countCommands(redis)
      for (let i = 0; i < REQUESTS; i++) {
        const payload = path === 'login' ? { payload: { sub: 'ada' } } : {}
        const response = await app.inject({ method: 'POST', url: `/auth/${path}`, headers, ...payload })
        t.equal(response.statusCode, 200)
      }
      const commands = (await countCommands(redis)) - before
      t.comment(`${path}: ${commands} commands for ${REQUESTS} requests`)
      // A login also creates a session.
      const own = path === 'login' ? REQUESTS * 10 : 0
      t.ok(commands <= MAX_COMMANDS + own, `${path}: ${commands} commands`)
    }
  })
}

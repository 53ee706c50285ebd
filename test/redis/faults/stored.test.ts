import type { Redis } from 'ioredis'
import t from 'tap'
import { tagOf } from '../../../lib/tokens/session-id.js'
import { all, DOWN, meet, type Scene, sidOf } from '../../support/outage.js'
import { startRedis } from '../../support/redis-server.js'

/** Returns the session keys of all users, including the key of the user who has not logged in yet. */
async function sessionKeys(redis: Redis, scenes: Scene[]): Promise<{ used: string[]; free: string[] }> {
  const used = await Promise.all(scenes.map(({ keyPrefix }) => redis.keys(`${keyPrefix}*:s`)))
  const tag = tagOf('newcomer')
  return { used: used.flat(), free: scenes.map(({ keyPrefix }) => `${keyPrefix}{${tag}}:s`) }
}

// The stream is unchanged, so that guarded routes work in mode deny.
const EXPECTED = { ...DOWN, deny: DOWN.allow }

t.test('a session key with another type is a 503', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  const fault = {
    silencesFeed: false,
    replies: true,
    async break(scenes: Scene[]) {
      const { used, free } = await sessionKeys(direct, scenes)
      for (const key of used) await direct.rename(key, `${key}:moved`)
      for (const key of [...used, ...free]) await direct.rpush(key, 'a', 'b')
      return async () => {
        // RENAME replaces the key. While no key existed, a retried revocation would find no session and be done.
        for (const key of used) await direct.rename(`${key}:moved`, key)
        for (const key of free) await direct.del(key)
      }
    }
  }
  await meet(t, server.client(), direct, fault, EXPECTED)
})

t.test('sessions in an unknown format are a 503', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  const fault = {
    silencesFeed: false,
    replies: true,
    async break(scenes: Scene[]) {
      const { used, free } = await sessionKeys(direct, scenes)
      for (const key of [...used, ...free]) await direct.setrange(key, 0, '\x03')
      return async () => {
        for (const key of used) await direct.setrange(key, 0, '\x02')
        for (const key of free) await direct.del(key)
      }
    }
  }
  await meet(t, server.client(), direct, fault, EXPECTED)
})

t.test('a denylist key with another type is a 503 for a refresh', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  const fault = {
    silencesFeed: false,
    replies: true,
    async break(scenes: Scene[]) {
      const denylistKeys = scenes.map(({ keyPrefix, users }) => {
        const sid = sidOf(users.refreshing)
        return `${keyPrefix}{${tagOf('refreshing')}}:b:${sid}`
      })
      for (const key of denylistKeys) await direct.rpush(key, 'a', 'b')
      return () => direct.del(...denylistKeys)
    }
  }
  const expected = { ...all(200), refresh: 503 }
  await meet(t, server.client(), direct, fault, {
    none: expected,
    store: expected,
    allow: expected,
    deny: expected
  })
})

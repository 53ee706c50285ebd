import type { Redis } from 'ioredis'
import t from 'tap'
import { tagOf } from '../../../lib/tokens/session-id.js'
import { all, DOWN, meet, type Scene, sidOf } from '../../support/outage.js'
import { startRedis } from '../../support/redis-server.js'

/** Where the sessions of each user are kept, of the one who is about to log in too. */
async function sessionKeys(redis: Redis, scenes: Scene[]): Promise<{ used: string[]; free: string[] }> {
  const used = await Promise.all(scenes.map(({ keyPrefix }) => redis.keys(`${keyPrefix}*:s`)))
  const tag = tagOf('newcomer').toString('base64url')
  return { used: used.flat(), free: scenes.map(({ keyPrefix }) => `${keyPrefix}{${tag}}:s`) }
}

// The stream is as it was: who asks it is let in.
const EXPECTED = { ...DOWN, deny: DOWN.allow }

t.test('a value of another type where sessions are kept', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  const fault = {
    silencesFeed: false,
    async break(scenes: Scene[]) {
      const { used, free } = await sessionKeys(direct, scenes)
      for (const key of used) await direct.rename(key, `${key}:kept`)
      for (const key of [...used, ...free]) await direct.rpush(key, 'a', 'b')
      return async () => {
        for (const key of [...used, ...free]) await direct.del(key)
        for (const key of used) await direct.rename(`${key}:kept`, key)
      }
    }
  }
  await meet(t, server.client(), direct, fault, EXPECTED)
})

t.test('sessions of a format that is not known', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  const fault = {
    silencesFeed: false,
    async break(scenes: Scene[]) {
      const { used, free } = await sessionKeys(direct, scenes)
      for (const key of [...used, ...free]) await direct.setrange(key, 0, '\x02')
      return async () => {
        for (const key of used) await direct.setrange(key, 0, '\x01')
        for (const key of free) await direct.del(key)
      }
    }
  }
  await meet(t, server.client(), direct, fault, EXPECTED)
})

t.test('a value of another type where it is kept why a session ended', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  const fault = {
    silencesFeed: false,
    async break(scenes: Scene[]) {
      const blacklisted = scenes.map(({ keyPrefix, users }) => {
        const sid = sidOf(users.refreshing)
        return `${keyPrefix}{${tagOf('refreshing').toString('base64url')}}:b:${sid}`
      })
      for (const key of blacklisted) await direct.rpush(key, 'a', 'b')
      return () => direct.del(...blacklisted)
    }
  }
  const answers = { ...all(200), refresh: 503 }
  await meet(t, server.client(), direct, fault, {
    none: answers,
    store: answers,
    allow: answers,
    deny: answers
  })
})

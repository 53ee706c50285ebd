import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import t from 'tap'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import {
  all,
  connect,
  DOWN,
  eventuallyStatus,
  type Fault,
  LONG_TIMEOUT,
  meet,
  READ_ONLY,
  startApp
} from '../../support/outage.js'
import { startRedis } from '../../support/redis-server.js'

// The tests mostly wait, each for its own server.
t.jobs = 4

t.test('out of memory: logins and refreshes fail, and logouts work', async (t) => {
  const server = await startRedis(t, ['--maxmemory-policy', 'noeviction'])
  const direct = server.client()
  const statuses = { ...all(200), login: 503, refresh: 503 }
  const fault: Fault = {
    silencesFeed: false,
    replies: true,
    async break() {
      await direct.config('SET', 'maxmemory', '1')
      await t.rejects(direct.set('a', 'b'), /^OOM/)
      return () => direct.config('SET', 'maxmemory', '0')
    }
  }
  const expected = { none: statuses, store: statuses, allow: statuses, deny: statuses }
  await meet(t, server.client(), direct, fault, expected)
})

t.test('loading', async (t) => {
  const slowly = ['--enable-debug-command', 'local', '--loading-process-events-interval-bytes', '1024']
  const server = await startRedis(t, slowly)
  const direct = server.client()
  const fault: Fault = {
    silencesFeed: true,
    async break() {
      await direct.call('DEBUG', 'POPULATE', '4000', 'filler', '100')
      await direct.config('SET', 'key-load-delay', '1000')
      const reloaded = server.client().call('DEBUG', 'RELOAD')
      await eventually(() =>
        direct.get('a').then(
          () => false,
          ({ message }) => /^LOADING/.test(message)
        )
      )
      return () => reloaded
    }
  }
  await meet(t, server.client(), direct, fault, DOWN)
})

for (const [name, error, set, repaired] of [
  ['a master that became a replica', /^READONLY/, 'REPLICAOF 127.0.0.1 1', 'REPLICAOF NO ONE'],
  [
    'a master without enough replicas',
    /^NOREPLICAS/,
    'CONFIG SET min-replicas-to-write 1',
    'CONFIG SET min-replicas-to-write 0'
  ]
] as const) {
  t.test(`${name} reads but does not write`, async (t) => {
    const server = await startRedis(t)
    const direct = server.client()
    const fault: Fault = {
      silencesFeed: true,
      replies: true,
      async break() {
        await run(direct, set)
        await t.rejects(direct.set('a', 'b'), error)
        return () => run(direct, repaired)
      }
    }
    await meet(t, server.client(), direct, fault, READ_ONLY)
  })
}

t.test('a disk on which no snapshot can be written', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  const fault: Fault = {
    silencesFeed: true,
    replies: true,
    async break() {
      const [, dir] = (await direct.config('GET', 'dir')) as [string, string]
      await rm(dir, { recursive: true })
      await direct.config('SET', 'save', '3600 1')
      await direct.bgsave()
      await eventually(() =>
        direct.set('a', 'b').then(
          () => false,
          ({ message }) => /^MISCONF/.test(message)
        )
      )
      return () => direct.config('SET', 'save', '')
    }
  }
  await meet(t, server.client(), direct, fault, READ_ONLY)
})

t.test('a replica that lost its master and serves no data', async (t) => {
  const server = await startRedis(t, ['--replica-serve-stale-data', 'no'])
  const direct = server.client()
  const fault: Fault = {
    silencesFeed: true,
    async break() {
      await direct.replicaof('127.0.0.1', 1)
      return () => direct.replicaof('NO', 'ONE')
    }
  }
  await meet(t, server.client(), direct, fault, DOWN)
})

t.test('a password that is suddenly required', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  await direct.ping()
  const fault: Fault = {
    silencesFeed: true,
    async break() {
      await direct.config('SET', 'requirepass', 'secret')
      await direct.call('CLIENT', 'KILL', 'SKIPME', 'yes')
      return () => direct.config('SET', 'requirepass', '')
    }
  }
  await meet(t, server.client(), direct, fault, DOWN)
})

t.test('a password that was changed', async (t) => {
  const server = await startRedis(t, ['--requirepass', 'right'])
  const direct = server.client({ password: 'right' })
  await direct.ping()
  const fault: Fault = {
    silencesFeed: true,
    async break() {
      await direct.config('SET', 'requirepass', 'another')
      await direct.call('CLIENT', 'KILL', 'SKIPME', 'yes')
      return () => direct.config('SET', 'requirepass', 'right')
    }
  }
  await meet(t, connect(t, server.port, { password: 'right' }), direct, fault, DOWN)
})

t.test('a Redis user without the permission to run scripts', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  await direct.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all')
  const fault: Fault = {
    silencesFeed: true,
    replies: true,
    async break() {
      await direct.call('ACL', 'SETUSER', 'app', '-evalsha', '-eval')
      return () => direct.call('ACL', 'SETUSER', 'app', '+evalsha', '+eval')
    }
  }
  const redis = connect(t, server.port, { username: 'app', password: 'secret' })
  await meet(t, redis, direct, fault, DOWN)
})

t.test('a Redis user without the permission to delete', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  await direct.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all')
  const fault: Fault = {
    silencesFeed: false,
    replies: true,
    async break() {
      await direct.call('ACL', 'SETUSER', 'app', '-del')
      // Let the feed readers finish the call that they have started.
      await sleep(300)
      return () => direct.call('ACL', 'SETUSER', 'app', '+del')
    }
  }
  const redis = connect(t, server.port, { username: 'app', password: 'secret' })
  // Removing one of two devices rewrites the key, and deletes nothing.
  const statuses = { ...all(200), logout: 503, logoutAll: 503 }
  await meet(t, redis, direct, fault, { none: statuses, store: statuses, allow: statuses, deny: statuses })
})

t.test(
  'a Redis user without the permission to write: a failed logout revokes no other session',
  async (t) => {
    const server = await startRedis(t)
    const direct = server.client()
    await direct.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all')
    const redis = connect(t, server.port, { username: 'app', password: 'secret' })
    const { app } = await startApp(t, redis, { storeTimeout: LONG_TIMEOUT })
    const [phone, laptop] = [new Client(app), new Client(app)]
    for (const client of [phone, laptop]) await client.login()
    await direct.call('ACL', 'SETUSER', 'app', '-set')
    t.equal((await phone.copy().logout()).statusCode, 503)
    await direct.call('ACL', 'SETUSER', 'app', '+set')
    t.equal((await laptop.refresh()).statusCode, 200)
    t.equal(await eventuallyStatus(() => phone.copy().logout()), 200)
    t.equal((await phone.refresh()).statusCode, 401)
  }
)

function run(redis: Redis, command: string): Promise<unknown> {
  const [name = '', ...args] = command.split(' ')
  return redis.call(name, ...args)
}

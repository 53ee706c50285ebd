import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import t from 'tap'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { all, connect, DOWN, eventuallyStatus, meet, READ_ONLY, startApp } from '../../support/outage.js'
import { startRedis } from '../../support/redis-server.js'

t.test('out of memory: no login and no refresh, and a logout works', async (t) => {
  const server = await startRedis(t, ['--maxmemory-policy', 'noeviction'])
  const direct = server.client()
  const answers = { ...all(200), login: 503, refresh: 503 }
  const fault = {
    silencesFeed: false,
    async break() {
      await direct.config('SET', 'maxmemory', '1')
      await t.rejects(direct.set('a', 'b'), /^OOM/)
      return () => direct.config('SET', 'maxmemory', '0')
    }
  }
  const expected = { none: answers, store: answers, allow: answers, deny: answers }
  await meet(t, server.client(), direct, fault, expected)
})

t.test('loading', async (t) => {
  const slowly = ['--enable-debug-command', 'local', '--loading-process-events-interval-bytes', '1024']
  const server = await startRedis(t, slowly)
  const direct = server.client()
  const fault = {
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

for (const [name, error, set, mended] of [
  ['a master that became a replica', /^READONLY/, 'REPLICAOF 127.0.0.1 1', 'REPLICAOF NO ONE'],
  [
    'a master without enough replicas',
    /^NOREPLICAS/,
    'CONFIG SET min-replicas-to-write 1',
    'CONFIG SET min-replicas-to-write 0'
  ]
] as const) {
  t.test(`${name} reads and does not write`, async (t) => {
    const server = await startRedis(t)
    const direct = server.client()
    const fault = {
      silencesFeed: true,
      async break() {
        await run(direct, set)
        await t.rejects(direct.set('a', 'b'), error)
        return () => run(direct, mended)
      }
    }
    await meet(t, server.client(), direct, fault, READ_ONLY)
  })
}

t.test('a disk that takes no snapshot', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  const fault = {
    silencesFeed: true,
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

t.test('a replica that lost its master and serves nothing', async (t) => {
  const server = await startRedis(t, ['--replica-serve-stale-data', 'no'])
  const direct = server.client()
  const fault = {
    silencesFeed: true,
    async break() {
      await direct.replicaof('127.0.0.1', 1)
      return () => direct.replicaof('NO', 'ONE')
    }
  }
  await meet(t, server.client(), direct, fault, DOWN)
})

t.test('a password that is asked for all of a sudden', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  await direct.ping()
  const fault = {
    silencesFeed: true,
    async break() {
      await direct.config('SET', 'requirepass', 'secret')
      await direct.call('CLIENT', 'KILL', 'SKIPME', 'yes')
      return () => direct.config('SET', 'requirepass', '')
    }
  }
  await meet(t, server.client(), direct, fault, DOWN)
})

t.test('a password that is another one now', async (t) => {
  const server = await startRedis(t, ['--requirepass', 'right'])
  const direct = server.client({ password: 'right' })
  await direct.ping()
  const fault = {
    silencesFeed: true,
    async break() {
      await direct.config('SET', 'requirepass', 'another')
      await direct.call('CLIENT', 'KILL', 'SKIPME', 'yes')
      return () => direct.config('SET', 'requirepass', 'right')
    }
  }
  await meet(t, connect(t, server.port, { password: 'right' }), direct, fault, DOWN)
})

t.test('a user who may run no script', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  await direct.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all')
  const fault = {
    silencesFeed: true,
    async break() {
      await direct.call('ACL', 'SETUSER', 'app', '-evalsha', '-eval')
      return () => direct.call('ACL', 'SETUSER', 'app', '+evalsha', '+eval')
    }
  }
  const redis = connect(t, server.port, { username: 'app', password: 'secret' })
  await meet(t, redis, direct, fault, DOWN)
})

t.test('a user who may not delete', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  await direct.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all')
  const fault = {
    silencesFeed: false,
    async break() {
      await direct.call('ACL', 'SETUSER', 'app', '-del')
      // Whoever has read the stream since is heard.
      await sleep(300)
      return () => direct.call('ACL', 'SETUSER', 'app', '+del')
    }
  }
  const redis = connect(t, server.port, { username: 'app', password: 'secret' })
  // The one of two devices that is removed leaves something to be written.
  const answers = { ...all(200), logout: 503, logoutAll: 503 }
  await meet(t, redis, direct, fault, { none: answers, store: answers, allow: answers, deny: answers })
})

t.test('a user who may not write any more: a logout that fails ends no other session', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  await direct.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all')
  const redis = connect(t, server.port, { username: 'app', password: 'secret' })
  const { app } = await startApp(t, redis)
  const [phone, laptop] = [new Client(app), new Client(app)]
  for (const client of [phone, laptop]) await client.login()
  await direct.call('ACL', 'SETUSER', 'app', '-set')
  t.equal((await phone.copy().logout()).statusCode, 503)
  await direct.call('ACL', 'SETUSER', 'app', '+set')
  t.equal((await laptop.refresh()).statusCode, 200)
  t.equal(await eventuallyStatus(() => phone.copy().logout()), 200)
  t.equal((await phone.refresh()).statusCode, 401)
})

function run(redis: Redis, command: string): Promise<unknown> {
  const [name = '', ...args] = command.split(' ')
  return redis.call(name, ...args)
}

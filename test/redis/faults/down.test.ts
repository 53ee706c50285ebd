import dns from 'node:dns'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mock } from 'node:test'
import t from 'tap'
import { connect, DOWN, meet } from '../../support/outage.js'
import { startProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

// The tests mostly wait, each for its own server.
t.jobs = 4

const HOSTNAME = 'redis.invalid'

type LookupCallback = (error: Error | null, ...found: unknown[]) => void

t.test('Redis is killed and restarts with its data', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'outage-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const durable = ['--dir', dir, '--appendonly', 'yes', '--appendfsync', 'always']
  const server = await startRedis(t, durable)
  const fault = {
    silencesFeed: true,
    async break() {
      process.kill(server.pid, 'SIGKILL')
      return () => startRedis(t, [...durable, '--port', String(server.port)])
    }
  }
  await meet(t, server.client(), server.client(), fault, DOWN)
})

t.test('connections are refused', async (t) => {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  const fault = {
    silencesFeed: true,
    async break() {
      proxy.refuse()
      proxy.cut()
      return () => proxy.accept()
    }
  }
  await meet(t, connect(t, proxy.port), server.client(), fault, DOWN)
})

t.test('the host name cannot be resolved any more', async (t) => {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  let isResolvable = true
  const { lookup } = dns
  mock.method(dns, 'lookup', (hostname: string, ...args: unknown[]) => {
    // Tests that run at the same time look up other hosts.
    if (hostname !== HOSTNAME) return Reflect.apply(lookup, dns, [hostname, ...args])
    const [{ all }, done] = args as [dns.LookupOptions, LookupCallback]
    const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' })
    const found = { address: '127.0.0.1', family: 4 }
    if (!isResolvable) return process.nextTick(done, error)
    process.nextTick(done, null, ...(all ? [[found]] : [found.address, found.family]))
  })
  t.after(() => mock.restoreAll())
  const redis = connect(t, proxy.port, { host: HOSTNAME })
  const fault = {
    silencesFeed: true,
    async break() {
      isResolvable = false
      proxy.cut()
      return () => {
        isResolvable = true
      }
    }
  }
  await meet(t, redis, server.client(), fault, DOWN)
})

t.test('Redis has no connection left', async (t) => {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  const direct = server.client()
  await direct.ping()
  const fault = {
    silencesFeed: true,
    async break() {
      await direct.config('SET', 'maxclients', '1')
      proxy.cut()
      return () => direct.config('SET', 'maxclients', '100')
    }
  }
  await meet(t, connect(t, proxy.port), direct, fault, DOWN)
})

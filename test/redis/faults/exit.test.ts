import type { Redis } from 'ioredis'
import t from 'tap'
import { startProxy, type Proxy as TcpProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'
import { runWaitingProgram } from '../../support/waiting-program.js'

// Each test waits for its own process.
t.jobs = 5

type Cause = (proxy: TcpProxy, direct: Redis) => unknown

const STATES: Record<string, Cause> = {
  responds: () => {},
  'is down': (proxy) => {
    proxy.refuse()
    proxy.cut()
  },
  'drops packets silently': (proxy) => proxy.freeze(),
  'rejects writes': (_proxy, direct) => direct.replicaof('127.0.0.1', 1),
  'is full': (_proxy, direct) => direct.config('SET', 'maxmemory', '1')
}

const CASES = Object.entries(STATES).flatMap(([name, cause]) =>
  ['feed', 'store'].map((mode) => ({ name, cause, mode }))
)

for (const { name, cause, mode } of CASES) {
  t.test(`closes the app and exits without warnings when Redis ${name}: ${mode}`, async (t) => {
    const server = await startRedis(t)
    const proxy = await startProxy(t, server.port)
    const env = { REDIS_PORT: String(proxy.port), MODE: mode }
    const whenReady = () => cause(proxy, server.client())
    const { code, output, errors } = await runWaitingProgram(t, './outage-process.ts', env, whenReady)
    t.equal(code, 0)
    t.equal(errors, '', 'no warnings, no unhandled rejections')
    t.match(output, /closed/)
  })
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Redis } from 'ioredis'
import t from 'tap'
import { startProxy, type Proxy as TcpProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

// Each test waits for its own process.
t.jobs = 5

const loader = fileURLToPath(new URL('../../../scripts/ts-loader.mjs', import.meta.url))
const program = fileURLToPath(new URL('../../support/outage-process.ts', import.meta.url))

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
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--import', loader, program],
      {
        env: { ...process.env, REDIS_PORT: String(proxy.port), MODE: mode, NODE_V8_COVERAGE: undefined },
        stdio: 'pipe'
      }
    )
    t.after(() => child.kill('SIGKILL'))
    let output = ''
    let errors = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    const exited = once(child, 'exit')
    await Promise.race([once(child.stdout, 'data'), exited])
    await cause(proxy, server.client())
    child.stdin.write('go\n')
    const [code] = await exited
    t.equal(code, 0)
    t.equal(errors, '', 'no warnings, no unhandled rejections')
    t.match(output, /closed/)
  })
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Redis } from 'ioredis'
import t from 'tap'
import { startProxy, type Proxy as TcpProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

const loader = fileURLToPath(new URL('../../../scripts/ts-loader.mjs', import.meta.url))
const program = fileURLToPath(new URL('../../support/outage-process.ts', import.meta.url))

type Cause = (proxy: TcpProxy, direct: Redis) => unknown

const STATES: Record<string, Cause> = {
  answers: () => {},
  'is down': (proxy) => {
    proxy.refuse()
    proxy.cut()
  },
  'swallows all': (proxy) => proxy.freeze(),
  'takes no writes': (_proxy, direct) => direct.replicaof('127.0.0.1', 1),
  'is full': (_proxy, direct) => direct.config('SET', 'maxmemory', '1')
}

for (const [name, cause] of Object.entries(STATES)) {
  t.test(
    `where Redis ${name}: the app closes at once, and the process ends, with nothing to complain of`,
    async (t) => {
      const server = await startRedis(t)
      const proxy = await startProxy(t, server.port)
      const child = spawn(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', '--import', loader, program],
        {
          env: { ...process.env, REDIS_PORT: String(proxy.port), NODE_V8_COVERAGE: undefined },
          stdio: 'pipe'
        }
      )
      t.after(() => child.kill('SIGKILL'))
      let output = ''
      let complaints = ''
      child.stdout.on('data', (chunk) => {
        output += chunk
      })
      child.stderr.on('data', (chunk) => {
        complaints += chunk
      })
      const exited = once(child, 'exit')
      await Promise.race([once(child.stdout, 'data'), exited])
      await cause(proxy, server.client())
      child.stdin.write('go\n')
      const [code] = await exited
      t.equal(code, 0)
      t.equal(complaints, '', 'no warning, no rejection that nobody handles')
      t.match(output, /closed in \d+ ms/)
      const [, ms] = /closed in (\d+) ms/.exec(output) ?? []
      t.ok(Number(ms) < 2000, `closed in ${ms} ms`)
    }
  )
}

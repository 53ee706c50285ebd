import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { startLoneSentinel } from '../../support/configured-redis.js'
import { startProxy, type Proxy as TcpProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

// Each test waits for its own process.
t.jobs = 4

const loader = fileURLToPath(new URL('../../../scripts/ts-loader.mjs', import.meta.url))
const program = fileURLToPath(new URL('../../support/forgotten-apps-process.ts', import.meta.url))

type Kind = 'redis' | 'sentinel' | 'cluster'

const CAUSES: Record<string, (proxy: TcpProxy) => void> = {
  responds: () => {},
  'is down': (proxy) => {
    proxy.refuse()
    proxy.cut()
  },
  'drops packets silently': (proxy) => proxy.freeze()
}

/** Starts the server of a client, and returns the port that the client uses. */
async function start(t: Test, kind: Kind): Promise<number> {
  if (kind === 'cluster') {
    const server = await startRedis(t, ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'])
    await server.client().cluster('ADDSLOTSRANGE', '0', '16383')
    return server.port
  }
  const server = await startRedis(t)
  return kind === 'sentinel' ? (await startLoneSentinel(t, server, t.testdir())).port : server.port
}

/** Runs the process until it exits by itself. */
async function runToExit(
  t: Test,
  env: Record<string, string>,
  onUsed: () => void
): Promise<[string, string]> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--import', loader, program],
    { env: { ...process.env, ...env, NODE_V8_COVERAGE: undefined }, stdio: 'pipe' }
  )
  t.after(() => child.kill('SIGKILL'))
  let [output, errors] = ['', '']
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  const exited = once(child, 'exit')
  await Promise.race([once(child.stdout, 'data'), exited])
  onUsed()
  child.stdin.write('go\n')
  await exited
  return [output, errors]
}

// The addresses that Sentinel and Cluster name do not lead through the proxy.
const CASES: [kind: Kind, state: keyof typeof CAUSES, mode: string][] = [
  ['redis', 'responds', 'feed'],
  ['redis', 'responds', 'store'],
  ['redis', 'is down', 'feed'],
  ['redis', 'drops packets silently', 'feed'],
  ['redis', 'drops packets silently', 'store'],
  ['sentinel', 'responds', 'feed'],
  ['cluster', 'responds', 'feed']
]

for (const [kind, state, mode] of CASES) {
  t.test(`apps that were never closed let the process exit: ${kind} ${state}, ${mode}`, async (t) => {
    const proxy = await startProxy(t, await start(t, kind))
    const env = { KIND: kind, PORT: String(proxy.port), MODE: mode }
    const [output, errors] = await runToExit(t, env, () => CAUSES[state]?.(proxy))
    t.equal(errors, '')
    t.equal(output, 'used\nclient closed\n')
  })
}

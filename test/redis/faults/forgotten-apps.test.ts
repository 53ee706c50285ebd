import t, { type Test } from 'tap'
import { startLoneSentinel } from '../../support/configured-redis.js'
import { startProxy, type Proxy as TcpProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'
import { runWaitingProgram } from '../../support/waiting-program.js'

// Each test waits for its own process.
t.jobs = 4

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
    const cause = () => CAUSES[state]?.(proxy)
    const { output, errors } = await runWaitingProgram(t, './forgotten-apps-process.ts', env, cause)
    t.equal(errors, '')
    t.equal(output, 'used\nclient closed\n')
  })
}

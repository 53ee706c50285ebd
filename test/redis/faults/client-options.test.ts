import type { RedisOptions } from 'ioredis'
import t, { type Test } from 'tap'
import { connect, DOWN, type Mode, Scene } from '../../support/outage.js'
import { startProxy, type Proxy as TcpProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

interface OptionSet extends Omit<RedisOptions, 'replyMapping'> {
  /** With these options a client does not reconnect while a test waits. */
  staysDisconnected?: boolean
  /** With these options each command fails in time by itself. */
  failsInTime?: boolean
}

const never = () => null

const OPTIONS: Record<string, OptionSet> = {
  default: {},
  'maxRetriesPerRequest null': { maxRetriesPerRequest: null },
  'maxRetriesPerRequest 0': { maxRetriesPerRequest: 0 },
  'maxRetriesPerRequest 1': { maxRetriesPerRequest: 1 },
  'enableOfflineQueue false': { enableOfflineQueue: false },
  'enableOfflineQueue false, maxRetriesPerRequest null': {
    enableOfflineQueue: false,
    maxRetriesPerRequest: null
  },
  'retryStrategy null': { retryStrategy: never, staysDisconnected: true },
  'retryStrategy of a minute': { retryStrategy: () => 60_000, staysDisconnected: true },
  'retryStrategy of a minute, maxRetriesPerRequest null': {
    retryStrategy: () => 60_000,
    maxRetriesPerRequest: null,
    staysDisconnected: true
  },
  'autoResendUnfulfilledCommands false': { autoResendUnfulfilledCommands: false },
  'commandTimeout below storeTimeout': { commandTimeout: 2000, failsInTime: true },
  'commandTimeout above storeTimeout': { commandTimeout: 60_000 },
  'socketTimeout below storeTimeout': { socketTimeout: 10_000 },
  lazyConnect: { lazyConnect: true },
  'lazyConnect, enableReadyCheck false': { lazyConnect: true, enableReadyCheck: false },
  enableAutoPipelining: { enableAutoPipelining: true },
  'enableAutoPipelining, maxRetriesPerRequest null': {
    enableAutoPipelining: true,
    maxRetriesPerRequest: null
  },
  'connectTimeout short': { connectTimeout: 200 },
  'connectTimeout of a minute': { connectTimeout: 60_000 },
  'reconnectOnError true': { reconnectOnError: () => true },
  'reconnectOnError 2': { reconnectOnError: () => 2 },
  'blockingTimeout short': { blockingTimeout: 100 },
  'protocol 3': { protocol: 3 }
}

/** Runs the fault with every set of client options in parallel. */
async function meetAll(t: Test, mode: Mode, { breaksConnections, causeFault, repair }: NetworkFault) {
  const server = await startRedis(t)
  const direct = server.client()
  await Promise.all(
    Object.entries(OPTIONS).map(([name, { staysDisconnected, failsInTime, ...options }]) =>
      t.test(name, async (t) => {
        const proxy = await startProxy(t, server.port)
        const scene = await Scene.open(t, connect(t, proxy.port, options), mode)
        causeFault(proxy)
        const statuses = failsInTime ? await scene.request(t) : await scene.requestWithoutReplies(t)
        t.same(statuses, DOWN[mode])
        repair(proxy)
        if (staysDisconnected && breaksConnections)
          t.same(await scene.requestWithoutReplies(t), DOWN[mode], 'while the client stays disconnected')
        else await scene.checkAfter(t, direct, statuses)
        await scene.app.close()
      })
    )
  )
}

interface NetworkFault {
  name: string
  breaksConnections: boolean
  causeFault(proxy: TcpProxy): void
  repair(proxy: TcpProxy): void
}

const FAULTS: NetworkFault[] = [
  {
    name: 'connections are refused',
    breaksConnections: true,
    causeFault(proxy) {
      proxy.refuse()
      proxy.cut()
    },
    repair: (proxy) => proxy.accept()
  },
  {
    name: 'packets are dropped silently',
    breaksConnections: false,
    causeFault: (proxy) => proxy.freeze(),
    repair: (proxy) => proxy.thaw()
  }
]

for (const mode of ['store', 'allow'] as const) {
  for (const fault of FAULTS) {
    t.test(`${fault.name}, in mode ${mode}`, async (t) => {
      t.jobs = Object.keys(OPTIONS).length
      await meetAll(t, mode, fault)
    })
  }
}

import { EventEmitter } from 'node:events'
import { mock } from 'node:test'
import t from 'tap'
import { MasterGuard } from '../../../../../lib/store/redis/failover/master-guard.js'

t.test('a new master that Sentinel reports makes the reader connect again and holds replies', async (t) => {
  const subscriber = Object.assign(new EventEmitter(), { subscribe: async () => {}, disconnect: () => {} })
  const calls: string[] = []
  let isForbidden = false
  const redis = {
    options: { name: 'main', sentinels: [{ host: 'sentinel-1' }] },
    evalsha: async () => {
      calls.push('pulse')
      if (isForbidden) throw new Error('NOPERM no permissions to access a key')
    },
    eval: async () => {},
    duplicate: () => subscriber
  }
  const options = {
    redis,
    pulseKey: 'pulse',
    pulsePeriodMs: 1000,
    reconnectOnFailover: true,
    onMustReconnect: () => calls.push('other connections')
  }
  const settings = {
    storeTimeoutMs: 2000,
    onEvent: ({ state }: { state: string }) => calls.push(state),
    onMasterChanged: () => calls.push('master changed')
  }
  const reader = { reconnect: () => calls.push('reader'), retryNow: () => {} }
  const guard = new MasterGuard(options, settings, reader)
  t.same(calls, [], 'nothing before the start')
  guard.start()
  t.teardown(() => guard.close())
  await new Promise((resolve) => setImmediate(resolve))
  t.same(calls, ['pulse'])

  subscriber.emit('message', '+switch-master', 'main 10.0.0.1 6379 10.0.0.2 6379')
  t.same(calls, ['pulse', 'other connections', 'reader', 'pulse'])
  const { fence } = guard
  t.notOk(fence.isOpen)
  fence.read(2, performance.now(), performance.now())
  t.ok(fence.isOpen)
  t.equal(calls.at(-1), 'master changed')

  isForbidden = true
  subscriber.emit('message', '+switch-master', 'main 10.0.0.2 6379 10.0.0.1 6379')
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(calls.at(-1), 'unverifiable')
  t.ok(fence.isOpen)
})

t.test('a client whose connection is dead is moved when the reader has a reply', async (t) => {
  let nowMs = 1000
  const now = mock.method(performance, 'now', () => nowMs)
  t.teardown(() => now.mock.restore())
  for (const reconnectOnFailover of [true, false]) {
    const calls: string[] = []
    const redis = {
      status: 'ready',
      options: { retryStrategy: () => 50 },
      evalsha: () => new Promise(() => {}),
      eval: async () => {},
      duplicate: () => {},
      disconnect: (reconnect: boolean) => calls.push(`disconnect ${reconnect}`)
    }
    const options = {
      redis,
      pulseKey: 'pulse',
      pulsePeriodMs: 1000,
      reconnectOnFailover,
      onMustReconnect() {}
    }
    const settings = {
      storeTimeoutMs: 2000,
      onEvent: ({ state }: { state: string }) => calls.push(state),
      onMasterChanged() {}
    }
    const guard = new MasterGuard(options, settings, { reconnect() {}, retryNow() {} })
    guard.start()
    guard.read(0, nowMs, nowMs)
    t.same(calls, [], 'it was silent for a short time only')
    nowMs += 10_001
    guard.read(0, nowMs, nowMs)
    t.same(calls, reconnectOnFailover ? ['disconnect true', 'client-moved'] : [])
    guard.close()
  }
})

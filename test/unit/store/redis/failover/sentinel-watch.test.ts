import { EventEmitter } from 'node:events'
import t, { type Test } from 'tap'
import type { RedisClient } from '../../../../../lib/index.js'
import { watchSentinels } from '../../../../../lib/store/redis/failover/sentinel-watch.js'
import { mockTimers, pass } from '../../../../support/timers.js'

const MESSAGE = 'main 10.0.0.1 6379 10.0.0.2 6379'

class Subscriber extends EventEmitter {
  readonly options: Record<string, unknown>
  readonly channels: string[] = []
  isClosed = false

  constructor(options: Record<string, unknown>) {
    super()
    this.options = options
  }

  async subscribe(channel: string): Promise<never> {
    this.channels.push(channel)
    throw new Error('NOPERM')
  }

  disconnect(): void {
    this.isClosed = true
  }

  publish(text: string): void {
    this.emit('message', '+switch-master', text)
  }
}

function setUp(t: Test, options: object, properties: Partial<RedisClient> = {}) {
  const subscribers: Subscriber[] = []
  const duplicate = (settings: Record<string, unknown>) => {
    const subscriber = new Subscriber(settings)
    subscribers.push(subscriber)
    return subscriber
  }
  const redis = { evalsha: async () => {}, eval: async () => {}, duplicate, options, ...properties }
  let switches = 0
  const close = watchSentinels(redis as unknown as RedisClient, () => switches++)
  t.teardown(close)
  return { subscribers, close, switches: () => switches }
}

const sentinels = [{ host: 'a', port: 26380, family: 6 }, { host: 'b' }]

t.test('subscribes to every Sentinel with its own address and credentials', async (t) => {
  const { subscribers } = setUp(t, {
    sentinels,
    name: 'main',
    sentinelUsername: 'watcher',
    sentinelPassword: 'a password',
    password: 'of the master'
  })
  t.match(
    subscribers.map(({ options }) => options),
    [
      { host: 'a', port: 26380, family: 6, username: 'watcher', password: 'a password', sentinels: null },
      { host: 'b', port: 26379, username: 'watcher', password: 'a password', sentinels: null }
    ]
  )
  for (const { channels } of subscribers) t.same(channels, ['+switch-master'])
  for (const subscriber of subscribers) subscriber.emit('error', new Error('connection refused'))
})

t.test('does not send the password of the master to a Sentinel without one', async (t) => {
  const { subscribers } = setUp(t, { sentinels, name: 'main', password: 'of the master' })
  t.match(subscribers[0]?.options, { username: null, password: null, tls: undefined })
})

t.test('reports a switch of this master at once, and once more after the last message', async (t) => {
  mockTimers(t)
  const { subscribers, switches, close } = setUp(t, { sentinels, name: 'main' })
  const [first, second] = subscribers as [Subscriber, Subscriber]
  first.publish('another 10.0.0.1 6379 10.0.0.2 6379')
  t.equal(switches(), 0)
  first.publish(MESSAGE)
  t.equal(switches(), 1)
  await pass(1500)
  second.publish(MESSAGE)
  t.equal(switches(), 2)
  await pass(1999)
  t.equal(switches(), 2)
  await pass(1)
  t.equal(switches(), 3)
  second.publish(MESSAGE)
  close()
  await pass(5000)
  t.equal(switches(), 4)
  t.ok(subscribers.every(({ isClosed }) => isClosed))
})

t.test('retries a lost connection at growing intervals', async (t) => {
  const { subscribers } = setUp(t, { sentinels, name: 'main' })
  const [first] = subscribers as [Subscriber]
  const { retryStrategy } = first.options as { retryStrategy(times: number): number }
  t.same([1, 5, 100].map(retryStrategy), [1000, 5000, 10_000])
})

t.test('connects to at most ten Sentinels', async (t) => {
  const many = Array.from({ length: 12 }, (_, i) => ({ host: `host-${i}` }))
  t.equal(setUp(t, { sentinels: many, name: 'main' }).subscribers.length, 10)
})

t.test('does nothing without Sentinel', async (t) => {
  t.equal(setUp(t, {}).subscribers.length, 0)
  t.equal(setUp(t, { sentinels: null }).subscribers.length, 0)
  t.equal(setUp(t, { sentinels, role: 'slave' }).subscribers.length, 0, 'a client of a replica')
  t.equal(setUp(t, { sentinels }, { isCluster: true }).subscribers.length, 0)
  t.equal(setUp(t, {}, { options: undefined as never }).subscribers.length, 0)
})

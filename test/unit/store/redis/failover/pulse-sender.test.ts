import { EventEmitter } from 'node:events'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import type { RedisClient } from '../../../../../lib/index.js'
import { Fence } from '../../../../../lib/store/redis/failover/fence.js'
import { PulseSender } from '../../../../../lib/store/redis/failover/pulse-sender.js'
import { deferred, mockTimers, pass } from '../../../../support/timers.js'

const periodMs = 1000
const overdueMs = 2000

/** A client whose calls the test answers, and a sender of pulses to it. */
function setUp(t: Test, { hasEvents = true, isCluster = false } = {}) {
  mockTimers(t, { apis: ['setInterval'] })
  let nowMs = 1000
  const now = mock.method(performance, 'now', () => nowMs)
  const calls: { counter: number; reply: ReturnType<typeof deferred<unknown>> }[] = []
  const emitter = new EventEmitter()
  const redis = {
    isCluster,
    ...(hasEvents && { status: 'ready', on: emitter.on.bind(emitter) }),
    evalsha(_sha1: string, _keys: number, _key: string, counter: string) {
      const reply = deferred<unknown>()
      calls.push({ counter: Number(counter), reply })
      return reply.promise
    },
    eval: async () => {},
    duplicate: () => {}
  }
  const events: string[] = []
  const fence = new Fence({
    onSplit: () => events.push('split'),
    onConfirmedSplit: () => events.push('confirmed'),
    onVerified: (wasSplit) => events.push(wasSplit ? 'joined' : 'verified'),
    onUnverifiable: (reason) => events.push(`unverifiable: ${reason}`),
    onMustReconnect: () => events.push('reconnect')
  })
  const settings = { key: 'pulse', periodMs, overdueMs, onReady: () => events.push('ready') }
  const client: RedisClient = redis
  const sender = new PulseSender(client, fence, settings)
  sender.start()
  t.teardown(() => {
    sender.close()
    now.mock.restore()
  })
  return {
    calls,
    events,
    fence,
    sender,
    client,
    emitter,
    redis,
    counters: () => calls.map(({ counter }) => counter),
    async passTime(ms: number) {
      for (let passed = 0; passed < ms; passed += periodMs) {
        nowMs += periodMs
        await pass(periodMs)
      }
    },
    async reply(error?: Error) {
      const last = calls.at(-1)?.reply
      if (error) last?.reject(error)
      else last?.resolve(1)
      await pass(0)
    }
  }
}

t.test('sends a pulse at once, and one per period after the reply to the last one', async (t) => {
  const { counters, passTime, reply } = setUp(t)
  t.same(counters(), [1])
  await passTime(periodMs)
  t.same(counters(), [1], 'no reply yet')
  await reply()
  await passTime(2 * periodMs)
  t.same(counters(), [1, 2])
})

t.test('a client that does not reply is suspected, and gets a new pulse once it replies', async (t) => {
  const { counters, events, passTime, reply } = setUp(t)
  await passTime(overdueMs)
  t.same(events, [])
  await passTime(2 * periodMs)
  t.same(events, ['reconnect'], 'once')
  t.same(counters(), [1])
  await reply()
  t.same(counters(), [1, 2], 'the first one was sent before the suspicion')
  await reply()
  t.same(counters(), [1, 2])
})

t.test('a pulse that is never settled is given up', async (t) => {
  const { counters, passTime } = setUp(t)
  await passTime(11_000)
  t.same(counters(), [1, 2])
})

t.test('an error is a reply', async (t) => {
  const { counters, events, fence, passTime, reply } = setUp(t)
  await reply(new Error('READONLY'))
  t.same(counters(), [1])
  await passTime(periodMs)
  t.same(counters(), [1, 2])
  fence.read(0, performance.now(), 0)
  t.same(events, [], 'nothing was acknowledged')
  await reply()
  await passTime(periodMs)
  fence.read(1, performance.now(), 0)
  t.same(events, ['split', 'reconnect'])
})

t.test('a client whose user may not write the pulse is not held, also after a new connection', async (t) => {
  const messages = [
    'NOPERM no permissions to access a key',
    'ERR ACL failure in script: User app has no permissions to run the set command',
    "ERR Error running script: The user executing the script can't run this command or subcommand"
  ]
  for (const message of messages) {
    await t.test(message, async (t) => {
      const { emitter, events, fence, passTime, reply } = setUp(t)
      await reply(new Error(message))
      t.same(events, [])
      for (let i = 0; i < 2; i++) {
        events.length = 0
        emitter.emit('close')
        t.notOk(fence.isOpen)
        emitter.emit('ready')
        await reply(new Error(message))
        t.ok(fence.isOpen)
        t.same(events, ['ready', `unverifiable: ${message}`])
        await passTime(periodMs)
      }
    })
  }
})

t.test('a server that rejects all writes is no longer held after 30 seconds', async (t) => {
  const { emitter, fence, passTime, reply } = setUp(t)
  emitter.emit('close')
  emitter.emit('ready')
  for (let i = 0; i < 30; i++) {
    await reply(new Error('MISCONF Redis is configured to save RDB snapshots'))
    await passTime(periodMs)
  }
  t.ok(fence.isOpen)
})

t.test('a timeout of the client is no reply', async (t) => {
  const { events, passTime, reply } = setUp(t)
  for (let i = 0; i < 3; i++) {
    await reply(new Error('Command timed out'))
    await passTime(periodMs)
  }
  t.same(events, ['reconnect'])
})

t.test('a silence is suspected once, even if the fence opened again', async (t) => {
  const { events, fence, passTime } = setUp(t)
  await passTime(overdueMs + periodMs)
  t.same(events, ['reconnect'])
  fence.openUnverified('a reason')
  await passTime(5 * periodMs)
  t.same(events, ['reconnect', 'unverifiable: a reason'])
})

t.test('a reply that was held for too long is rejected', async (t) => {
  const { fence, passTime } = setUp(t)
  fence.suspect()
  const held = t.rejects(fence.verify('reply'), /not verified within 2000 ms/)
  await passTime(overdueMs + periodMs)
  await held
})

t.test('a new connection gets a pulse at once', async (t) => {
  const { counters, emitter, events, fence, redis, passTime } = setUp(t)
  redis.status = 'reconnecting'
  emitter.emit('close')
  t.notOk(fence.isOpen)
  await passTime(5 * periodMs)
  t.same(counters(), [1], 'a client without a connection would queue it')
  redis.status = 'ready'
  emitter.emit('ready')
  t.same(counters(), [1, 2])
  t.same(events, ['ready'])
})

t.test('a Cluster and a client without events get pulses all the time', async (t) => {
  for (const [options, isListening] of [
    [{ isCluster: true }, false],
    [{ hasEvents: false }, false],
    [{}, true]
  ] as const) {
    await t.test(JSON.stringify(options), async (t) => {
      const { counters, emitter, passTime, reply } = setUp(t, options)
      t.equal(emitter.listenerCount('close') > 0, isListening)
      await reply()
      await passTime(periodMs)
      t.same(counters(), [1, 2])
    })
  }
})

t.test('senders that share a client add one listener, and stop when they are closed', async (t) => {
  const { client, emitter, events, fence, sender } = setUp(t)
  const settings = { key: 'other', periodMs, overdueMs, onReady: () => events.push('other') }
  const other = new PulseSender(client, fence, settings)
  other.start()
  t.equal(emitter.listenerCount('ready'), 1)
  emitter.emit('ready')
  other.close()
  emitter.emit('ready')
  t.same(events, ['ready', 'other', 'ready'])
  sender.close()
  emitter.emit('ready')
  t.equal(events.length, 3)
})

t.test('a connection without a reply for more than ten seconds seems dead', async (t) => {
  const { sender, passTime, reply } = setUp(t)
  t.notOk(sender.isDead(performance.now()))
  await passTime(10_000)
  t.notOk(sender.isDead(performance.now()))
  await passTime(1000)
  t.ok(sender.isDead(performance.now()))
  t.notOk(sender.isDead(performance.now() - 1000), 'the other connection asked before')
  await reply(new Error('OOM command not allowed'))
  t.notOk(sender.isDead(performance.now()), 'an error is a reply')
})

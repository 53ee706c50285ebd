import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { PulseReader } from '../../../../../lib/store/redis/failover/pulse-reader.js'
import { deferred, mockTimers, pass, settle } from '../../../../support/timers.js'

/** A reader whose calls the test answers. The random pause before a new connection is 50 ms. */
function setUp(t: Test) {
  mockTimers(t)
  const clock = { nowMs: 1000 }
  const mocks = [mock.method(performance, 'now', () => clock.nowMs), mock.method(Math, 'random', () => 0.5)]
  const calls: { connection: number; keys: string[]; reply: ReturnType<typeof deferred<unknown>> }[] = []
  let opened = 0
  const redis = {
    evalsha: async () => {},
    eval: async () => {},
    duplicate() {
      const connection = ++opened
      return {
        on() {},
        evalsha(_sha1: string, _count: number, ...keys: string[]) {
          const reply = deferred<unknown>()
          calls.push({ connection, keys, reply })
          return reply.promise
        },
        disconnect: () => calls.at(-1)?.reply.reject(new Error('Connection is closed.'))
      }
    }
  }
  const pulses: [counter: number, sentAtMs: number, openedAtMs: number][] = []
  const state = { isUrgent: false }
  const reader = new PulseReader(redis, {
    key: 'pulse',
    isUrgent: () => state.isUrgent,
    onPulse: (...pulse) => pulses.push(pulse)
  })
  reader.start()
  t.teardown(() => {
    reader.loop.close()
    for (const { mock } of mocks) mock.restore()
  })
  return {
    reader,
    calls,
    pulses,
    state,
    opened: () => opened,
    async passTime(ms: number) {
      clock.nowMs += ms
      await pass(ms)
    },
    async reply(counter: string) {
      calls.at(-1)?.reply.resolve(counter)
      await settle()
    }
  }
}

t.test('reads the pulse twice a second, with the time of the call and of the connection', async (t) => {
  const { calls, pulses, passTime, reply } = setUp(t)
  t.same(calls[0]?.keys, ['pulse'])
  await passTime(100)
  await reply('7')
  t.same(pulses, [[7, 1000, 1000]])
  await passTime(499)
  t.equal(calls.length, 1)
  await passTime(1)
  await reply('8')
  t.same(pulses[1], [8, 1600, 1000])
})

t.test('reads more often while replies are held', async (t) => {
  const { calls, state, passTime, reply } = setUp(t)
  state.isUrgent = true
  await reply('0')
  await passTime(50)
  t.equal(calls.length, 2)
})

t.test('reads at once when it is asked to', async (t) => {
  const { reader, calls, opened, reply } = setUp(t)
  await reply('1')
  reader.loop.retryNow()
  await settle()
  t.equal(calls.length, 2)
  t.equal(opened(), 1)
})

t.test('opens a new connection after an error, and if there is no reply within 3 seconds', async (t) => {
  const { calls, pulses, opened, passTime, reply } = setUp(t)
  calls[0]?.reply.reject(new Error('READONLY'))
  await settle()
  await passTime(50)
  t.equal(opened(), 2)
  await passTime(2999)
  t.equal(opened(), 2)
  await passTime(1)
  await passTime(100)
  t.equal(opened(), 3)
  await reply('3')
  t.same(pulses, [[3, 4150, 4150]])
})

t.test('the pause before a new connection is short again after a reply', async (t) => {
  const { calls, opened, passTime, reply } = setUp(t)
  const fail = async () => {
    calls.at(-1)?.reply.reject(new Error('READONLY'))
    await settle()
  }
  await fail()
  await passTime(50)
  await fail()
  await passTime(50)
  t.equal(opened(), 2, 'the second pause is 100 ms')
  await passTime(50)
  await reply('1')
  await passTime(500)
  await fail()
  await passTime(50)
  t.equal(opened(), 4)
})

t.test('opens a new connection on request', async (t) => {
  const { reader, calls, passTime } = setUp(t)
  reader.loop.reconnect()
  await settle()
  await passTime(50)
  t.same(
    calls.map(({ connection }) => connection),
    [1, 2]
  )
})

t.test('stops when it is closed', async (t) => {
  const { reader, calls, opened, passTime, reply } = setUp(t)
  await reply('1')
  reader.loop.close()
  await settle()
  await passTime(10_000)
  t.equal(opened(), 1)
  t.equal(calls.length, 1)
})

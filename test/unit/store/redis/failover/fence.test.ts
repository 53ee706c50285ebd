import { mock } from 'node:test'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { Fence } from '../../../../../lib/store/redis/failover/fence.js'

/** Mocks the monotonic clock. */
function mockClock(t: Test) {
  const clock = { nowMs: 1000 }
  const now = mock.method(performance, 'now', () => clock.nowMs)
  t.teardown(() => now.mock.restore())
  return clock
}

function createFence() {
  const events: string[] = []
  const fence = new Fence({
    onSplit: () => events.push('split'),
    onConfirmedSplit: () => events.push('confirmed'),
    onVerified: (wasSplit, durationMs) => events.push(wasSplit ? `joined after ${durationMs}` : 'verified'),
    onUnverifiable: (reason) => events.push(`unverifiable: ${reason}`),
    onMustReconnect: () => events.push('reconnect')
  })
  return { fence, events }
}

/** A fence with a reader, whose connection was opened at the start. */
function setUp(t: Test) {
  const clock = mockClock(t)
  const { fence, events } = createFence()
  const reader = { openedAtMs: clock.nowMs }
  // `read(1)` finds this old pulse, as on a replica that became the master.
  fence.nextPulse()
  return {
    clock,
    fence,
    events,
    /** Sends a pulse that the client's server acknowledges. */
    beat() {
      const pulse = fence.nextPulse()
      clock.nowMs += 1
      fence.acknowledge(pulse)
      clock.nowMs += 1
      return pulse.counter
    },
    read: (counter: number) => fence.read(counter, clock.nowMs, reader.openedAtMs),
    reconnectReader() {
      clock.nowMs += 1
      reader.openedAtMs = clock.nowMs
    }
  }
}

const isOld = { message: 'the Redis client is connected to a master that was replaced' }

t.test('is open at the start, and while the reader reads each acknowledged pulse', async (t) => {
  const { fence, events, beat, read } = setUp(t)
  t.equal(await fence.verify('reply'), 'reply')
  read(0)
  for (let i = 0; i < 3; i++) read(beat())
  t.equal(await fence.verify('reply'), 'reply')
  t.same(events, [])
})

t.test('an acknowledged pulse that the reader does not find is a split', async (t) => {
  const { fence, events, beat, read } = setUp(t)
  const first = beat()
  beat()
  read(first)
  t.same(events, ['split', 'reconnect'])
  t.throws(() => fence.rejectIfSplit(), isOld)
  await t.rejects(fence.verify('reply'), isOld)
})

t.test('proves nothing', async (t) => {
  await t.test('before the acknowledgment', async (t) => {
    const { fence, events, read } = setUp(t)
    fence.nextPulse()
    read(1)
    t.same(events, [])
  })
  await t.test('by a read that was sent before the acknowledgment', async (t) => {
    const { clock, fence, events, beat } = setUp(t)
    const sentAtMs = clock.nowMs
    beat()
    fence.read(1, sentAtMs, 0)
    t.same(events, [])
  })
  await t.test('by a pulse that may have expired in Redis', async (t) => {
    const { clock, events, beat, read } = setUp(t)
    beat()
    clock.nowMs += 10_000
    read(1)
    t.same(events, [])
  })
  await t.test('by a pulse of an earlier connection', async (t) => {
    const { fence, events, beat, read } = setUp(t)
    beat()
    const late = fence.nextPulse()
    fence.startEpoch()
    fence.acknowledge(late)
    read(1)
    t.same(events, [])
  })
})

t.test('a key that does not exist is a split only if a new pulse is missing too', async (t) => {
  await t.test('it was deleted', async (t) => {
    const { fence, events, beat, read, reconnectReader } = setUp(t)
    beat()
    read(0)
    t.same(events, ['reconnect'])
    read(0)
    reconnectReader()
    read(beat())
    t.ok(fence.isOpen)
    t.same(events, ['reconnect', 'verified'])
  })
  await t.test('the server never had it', async (t) => {
    const { events, beat, read, reconnectReader } = setUp(t)
    beat()
    read(0)
    beat()
    read(0)
    t.same(events, ['reconnect'], 'the reader has not connected again')
    reconnectReader()
    read(0)
    t.same(events, ['reconnect', 'split', 'reconnect'])
  })
})

t.test('a split ends with a new pulse on a new connection of the reader', async (t) => {
  const { clock, fence, events, beat, read, reconnectReader } = setUp(t)
  const old = beat()
  read(old - 1)
  read(old)
  t.notOk(fence.isOpen, 'an earlier pulse')
  fence.startEpoch()
  t.ok(fence.needsPulse)
  const fresh = beat()
  t.notOk(fence.needsPulse)
  read(fresh)
  t.notOk(fence.isOpen, 'a connection of the reader from before')
  reconnectReader()
  clock.nowMs += 100
  read(fresh)
  t.ok(fence.isOpen)
  t.equal(await fence.verify('reply'), 'reply')
  t.match(events, ['split', 'reconnect', /^joined after 10\d$/])
})

t.test(
  'a split that goes on is reported once, and the reader connects again every two seconds',
  async (t) => {
    const { clock, events, beat, read, reconnectReader } = setUp(t)
    const find = (afterMs: number) => {
      clock.nowMs += afterMs
      events.length = 0
      beat()
      read(1)
      return [...events]
    }
    t.same(find(0), ['split', 'reconnect'])
    reconnectReader()
    t.same(find(0), ['confirmed'])
    t.same(find(1000), ['confirmed'], 'on the same connection of the reader')
    t.same(find(1000), ['confirmed', 'reconnect'])
    t.same(find(0), [], 'a connection from before')
  }
)

t.test('a connection of the reader from before the split confirms nothing', async (t) => {
  const { events, beat, read } = setUp(t)
  for (let i = 0; i < 2; i++) {
    beat()
    read(1)
  }
  t.same(events, ['split', 'reconnect'])
})

t.test('replies are held while the client is suspected', async (t) => {
  const { fence, events, beat, read, reconnectReader } = setUp(t)
  beat()
  fence.suspect()
  t.same(events, ['reconnect'])
  fence.rejectIfSplit()
  let accepted = 0
  const held = [fence.verify('a'), fence.verify('b')]
  for (const each of held) void each.then(() => accepted++)
  read(beat())
  await Promise.resolve()
  t.equal(accepted, 0, 'the reader may be on the same old master')
  reconnectReader()
  read(beat())
  t.same(await Promise.all(held), ['a', 'b'])
  t.same(events, ['reconnect', 'verified'])
})

t.test('a split rejects the held replies, and a suspicion does not end it', async (t) => {
  const { fence, beat, read } = setUp(t)
  fence.suspect()
  const held = fence.verify('reply')
  beat()
  read(1)
  await t.rejects(held, isOld)
  fence.suspect()
  t.throws(() => fence.rejectIfSplit(), isOld)
})

t.test('a new connection of the client is verified by the next pulse', async (t) => {
  const { fence, beat, read } = setUp(t)
  read(beat())
  fence.startEpoch()
  const held = fence.verify('reply')
  read(beat())
  t.equal(await held, 'reply', 'the reader needs no new connection')
})

t.test('a reply of a connection that is gone is rejected', async (t) => {
  const { fence } = setUp(t)
  fence.suspect()
  const held = fence.verify('reply')
  fence.startEpoch()
  await t.rejects(held, { message: 'the connection was closed before its server was verified' })
})

t.test('opens if the reader returns no pulse for 30 seconds, but not after a split', async (t) => {
  const { clock, fence, events, beat, read } = setUp(t)
  const isOpenAfter = (ms: number) => {
    clock.nowMs += ms
    fence.openIfUnverifiable()
    return fence.isOpen
  }
  fence.startEpoch()
  t.notOk(isOpenAfter(30_000), 'the client does not work either')
  const late = fence.nextPulse()
  beat()
  t.notOk(isOpenAfter(29_000))
  t.ok(isOpenAfter(1000))
  t.same(events, ['unverifiable: no pulse was read within 30000 ms'])

  fence.startEpoch()
  fence.refuse(late)
  t.notOk(isOpenAfter(30_000), 'a reply on an earlier connection')
  fence.refuse(fence.nextPulse())
  t.ok(isOpenAfter(30_000), 'the server rejects writes')

  fence.suspect()
  beat()
  read(1)
  beat()
  t.notOk(isOpenAfter(60_000))
  t.throws(() => fence.rejectIfSplit(), isOld)
})

t.test('opens unverified once, and rejects held replies when it is closed', async (t) => {
  const { fence, events } = setUp(t)
  fence.openUnverified('NOPERM')
  t.same(events, [], 'it is open')
  fence.suspect()
  const held = fence.verify('reply')
  fence.openUnverified('NOPERM')
  t.equal(await held, 'reply')
  t.same(events, ['reconnect', 'unverifiable: NOPERM'])
  fence.suspect()
  const another = fence.verify('reply')
  fence.close()
  await t.rejects(another, { message: 'the store was closed' })
})

t.test('rejects replies that were held for too long, and keeps the others', async (t) => {
  const { clock, fence } = setUp(t)
  fence.suspect()
  const old = fence.verify('old')
  clock.nowMs += 1001
  const fresh = fence.verify('fresh')
  fence.rejectOlderThan(1000)
  await t.rejects(old, /not verified within 1000 ms/)
  fence.openUnverified('a reason')
  t.equal(await fresh, 'fresh')
})

/** Two servers with a value each. Client and reader move between them at any time, and messages take any time. */
t.test('detects each split, and opens only when both are on one server', async (t) => {
  const clock = mockClock(t)
  const steps = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(['send', 'execute', 'acknowledge'], ['ask', 'reply']) },
      { weight: 3, arbitrary: fc.constantFrom(['send'], ['execute'], ['acknowledge'], ['ask'], ['reply']) },
      { weight: 1, arbitrary: fc.constantFrom(['move client'], ['move reader'], ['suspect']) }
    ),
    { minLength: 50, maxLength: 200 }
  )
  let splits = 0
  let opened = 0
  const run = (names: (readonly string[])[]) => {
    const { fence, events } = createFence()
    // A key that does not exist is tested above.
    const values = [0.5, 0.5]
    let client = 0
    let reader = { server: 0, openedAtMs: clock.nowMs }
    let sent: { pulse: ReturnType<Fence['nextPulse']>; isExecuted: boolean }[] = []
    let asked: { sentAtMs: number; value: number } | undefined
    /** The last pulse that was acknowledged on the present connection of the client. */
    let acknowledged: { counter: number; atMs: number } | undefined
    let hasMoved = false
    const act: Record<string, () => void> = {
      send: () => sent.push({ pulse: fence.nextPulse(), isExecuted: false }),
      execute() {
        const next = sent.find(({ isExecuted }) => !isExecuted)
        if (!next) return
        next.isExecuted = true
        values[client] = Math.max(values[client] as number, next.pulse.counter)
      },
      acknowledge() {
        if (!sent[0]?.isExecuted) return
        const { pulse } = sent.shift() as (typeof sent)[0]
        fence.acknowledge(pulse)
        acknowledged = { counter: pulse.counter, atMs: clock.nowMs }
      },
      ask: () => {
        asked ??= { sentAtMs: clock.nowMs, value: values[reader.server] as number }
      },
      reply() {
        if (!asked) return
        const { sentAtMs, value } = asked
        asked = undefined
        const before = fence.isOpen
        const mustSplit = acknowledged && acknowledged.atMs < sentAtMs && value < acknowledged.counter
        if (mustSplit) acknowledged = undefined
        fence.read(value, sentAtMs, reader.openedAtMs)
        if (mustSplit) {
          splits++
          if (!throwsError(() => fence.rejectIfSplit())) throw new Error('a split was not detected')
        }
        if (before || !fence.isOpen) return
        opened++
        if (reader.server !== client) throw new Error('opened on different servers')
      },
      'move client'() {
        hasMoved = true
        client = 1 - client
        sent = []
        acknowledged = undefined
        fence.startEpoch()
      },
      'move reader'() {
        hasMoved = true
        reader = { server: 1 - reader.server, openedAtMs: clock.nowMs }
        asked = undefined
      },
      suspect: () => fence.suspect()
    }
    for (const name of names.flat()) {
      clock.nowMs += 1
      act[name]?.()
      if (!hasMoved && events.includes('split')) throw new Error('a split on one server')
    }
  }
  fc.assert(fc.property(steps, run), { numRuns: 500 })
  t.ok(splits > 50 && opened > 50, `${splits} splits, opened ${opened} times`)
})

function throwsError(work: () => void): boolean {
  try {
    work()
    return false
  } catch {
    return true
  }
}

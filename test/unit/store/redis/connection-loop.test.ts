import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { ConnectionLoop } from '../../../../lib/store/redis/connection-loop.js'
import type { DedicatedConnection } from '../../../../lib/store/redis/dedicated-connection.js'
import { deferred, mockTimers, pass, settle } from '../../../support/timers.js'

/** A loop whose work the test ends. Pauses are not random. */
function setUp(t: Test, { canConnect = true } = {}) {
  mockTimers(t)
  const random = mock.method(Math, 'random', () => 0.5)
  t.teardown(() => random.mock.restore())
  const events: string[] = []
  let failWork = (_error: Error) => {}
  let opened = 0
  const loop = new ConnectionLoop({
    connect() {
      const id = ++opened
      events.push(`connect ${id}`)
      if (!canConnect) throw new Error('no connection')
      const disconnect = () => failWork(new Error('closed'))
      return { disconnect } as Partial<DedicatedConnection> as DedicatedConnection
    },
    onFailure: ({ message }) => events.push(message)
  })
  t.teardown(() => loop.close())
  let hasEnded = false
  const work = () => {
    const { promise, reject } = deferred<never>()
    failWork = reject
    return promise
  }
  void loop.run(work).then(() => {
    hasEnded = true
  })
  return {
    loop,
    events,
    opened: () => opened,
    hasEnded: () => hasEnded,
    async fail(message = 'broken') {
      failWork(new Error(message))
      await settle()
    }
  }
}

t.test('starts again with a new connection, after pauses that grow to a second', async (t) => {
  const { events, opened, fail } = setUp(t)
  for (const pauseMs of [50, 100, 200, 400, 800, 1000, 1000]) {
    const before = opened()
    await fail()
    await pass(pauseMs - 1)
    t.equal(opened(), before)
    await pass(1)
    t.equal(opened(), before + 1, `after ${pauseMs} ms`)
  }
  t.same(events.slice(0, 3), ['connect 1', 'broken', 'connect 2'])
})

t.test('a connection that cannot be created is a failure', async (t) => {
  const { events } = setUp(t, { canConnect: false })
  await settle()
  await pass(50)
  t.same(events, ['connect 1', 'no connection', 'connect 2', 'no connection'])
})

t.test('a success makes the next pause a short one', async (t) => {
  const { loop, opened, fail } = setUp(t)
  await fail()
  await pass(50)
  loop.markSuccess()
  await fail()
  await pass(50)
  t.equal(opened(), 3)
})

t.test('a requested new connection is no failure', async (t) => {
  const { loop, events, fail } = setUp(t)
  loop.reconnect()
  await settle()
  await pass(50)
  t.same(events, ['connect 1', 'connect 2'])
  await fail()
  t.same(events, ['connect 1', 'connect 2', 'broken'], 'a later failure is one')
})

t.test('the pause between two attempts ends early', async (t) => {
  for (const method of ['reconnect', 'retryNow'] as const) {
    await t.test(method, async (t) => {
      const { loop, opened, fail } = setUp(t)
      await fail()
      loop[method]()
      await settle()
      t.equal(opened(), 2)
    })
  }
})

t.test('a pause of the work ends early', async (t) => {
  const { loop } = setUp(t)
  const paused = loop.pause(1000)
  loop.retryNow()
  await paused
})

for (const method of ['reconnect', 'close'] as const) {
  t.test(`a pause of the work ends with an error after ${method}`, async (t) => {
    const { loop } = setUp(t)
    const ended = t.rejects(loop.pause(1000), { message: 'the connection was closed' })
    loop[method]()
    await t.rejects(loop.pause(1000), 'also a later pause')
    await ended
  })
}

t.test('ends when it is closed, also in a pause', async (t) => {
  for (const isPausing of [false, true]) {
    await t.test(String(isPausing), async (t) => {
      const { loop, events, hasEnded, fail } = setUp(t)
      if (isPausing) await fail()
      events.length = 0
      loop.close()
      await settle()
      t.ok(hasEnded())
      t.same(events, [], 'this is no failure')
    })
  }
})

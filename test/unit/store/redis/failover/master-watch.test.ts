import { EventEmitter } from 'node:events'
import { mock } from 'node:test'
import t from 'tap'
import type { MasterEvent } from '../../../../../lib/index.js'
import { watchMaster } from '../../../../../lib/store/redis/failover/master-watch.js'
import { mockTimers, pass, settle } from '../../../../support/timers.js'

t.test('a new connection of the client is compared at once, and then at short intervals', async (t) => {
  mockTimers(t, { apis: ['setTimeout', 'setInterval'] })
  let nowMs = 1000
  const now = mock.method(performance, 'now', () => nowMs)
  t.teardown(() => now.mock.restore())
  const passTime = (ms: number) => {
    nowMs += ms
    return pass(ms)
  }
  let written = 0
  let read = 0
  let reads = 0
  const client = new EventEmitter()
  const redis = {
    status: 'ready',
    on: client.on.bind(client),
    async evalsha(_sha1: string, _count: number, _key: string, counter: string) {
      written = Number(counter)
    },
    eval: async () => {},
    duplicate: () => ({
      on() {},
      async evalsha() {
        reads++
        return String(read)
      },
      disconnect() {}
    })
  }
  const events: string[] = []
  const { fence, close } = watchMaster(
    { redis, pulseKey: 'pulse', reconnectOnFailover: true, onMustReconnect: () => events.push('reconnect') },
    {
      storeTimeoutMs: 2000,
      onMasterChanged: () => events.push('master changed'),
      onEvent: ({ state }: MasterEvent) => events.push(state)
    }
  )
  t.teardown(close)
  await settle()
  const readsWithin = async (ms: number) => {
    const before = reads
    for (let passed = 0; passed < ms; passed += 50) {
      read = Math.max(read, written - 1)
      await passTime(50)
    }
    return reads - before
  }
  read = written
  t.equal(await readsWithin(1000), 2)
  t.ok(fence.isOpen)

  const before = reads
  client.emit('close')
  t.notOk(fence.isOpen)
  client.emit('ready')
  await settle()
  t.equal(reads, before + 1, 'at once')
  read = 0
  await passTime(50)
  t.equal(reads, before + 2, 'and soon again')
  // The missing pulse makes the reader connect again, after a pause of up to 75 ms.
  for (let passed = 0; passed < 200; passed += 50) {
    read = written
    await passTime(50)
  }
  t.ok(fence.isOpen)
  t.equal(events.at(-1), 'master changed')
})

import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Redis } from 'ioredis'
import t from 'tap'
import { Client } from '../../support/client.js'
import { effort } from '../../support/effort.js'
import { eventually } from '../../support/eventually.js'
import { connect, eventuallyStatus, MODES, startApp } from '../../support/outage.js'
import { startProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

/** `OUTAGE_SECONDS=60 npm run test:unit -- --timeout=600 test/redis/faults/pile-up.test.ts` measures a long outage. */
const SECONDS = Number(process.env.OUTAGE_SECONDS ?? effort(0.5, 2))
const REQUESTS_PER_SECOND = Number(process.env.OUTAGE_RATE ?? 100)
const TICK_MS = 50
/** So that each operation is sent for the first client, however busy the machine is. */
const MIN_REQUESTS = 20
const RECOVERY_TIMEOUT_MS = 60_000 + 1000 * SECONDS

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Counts the commands that ioredis has sent without a reply, or not sent yet. */
function countPending(redis: Redis): number {
  const { commandQueue, offlineQueue } = redis as unknown as Record<string, { length: number }>
  return (commandQueue?.length ?? 0) + (offlineQueue?.length ?? 0)
}

function heapMb(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed / 1024 / 1024
}

for (const [name, options] of Object.entries({
  'with default options': {},
  'with maxRetriesPerRequest null': { maxRetriesPerRequest: null },
  'with enableOfflineQueue false': { enableOfflineQueue: false }
})) {
  for (const fault of ['refuses connections', 'drops packets'] as const) {
    t.test(
      `pending commands are limited per request for a client ${name} while Redis ${fault}`,
      async (t) => {
        const server = await startRedis(t)
        const proxy = await startProxy(t, server.port)
        const redis = connect(t, proxy.port, options)
        await once(redis, 'ready')
        const { app } = await startApp(t, redis, { revocation: MODES.store }, 'silent')
        const clients = await Promise.all(
          Array.from({ length: 10 }, async (_, i) => {
            const client = new Client(app)
            t.equal(await eventuallyStatus(() => client.login({ sub: `user ${i}` })), 200)
            return client
          })
        )
        const operations = [
          (client: Client) => client.call(),
          (client: Client) => client.loseResponse(),
          (client: Client) => client.copy().logout(),
          () => new Client(app).login({ sub: 'newcomer' })
        ]
        const request = (i: number) => operations[i % 4]?.(clients[i % 10] as Client)
        const heapBefore = heapMb()
        if (fault === 'drops packets') proxy.freeze()
        else {
          proxy.refuse()
          proxy.cut()
          await eventually(() => redis.status !== 'ready')
        }
        let inFlight = 0
        let requests = 0
        let maxPending = 0
        const end = performance.now() + SECONDS * 1000
        while (performance.now() < end || requests < MIN_REQUESTS) {
          for (let i = 0; i < (REQUESTS_PER_SECOND * TICK_MS) / 1000; i++) {
            inFlight++
            request(requests++)?.finally(() => inFlight--)
          }
          await sleep(TICK_MS)
          maxPending = Math.max(maxPending, countPending(redis))
        }
        await eventually(() => inFlight === 0)
        const heapDuring = heapMb()
        t.ok(maxPending <= 4 * requests + 10, `${maxPending} pending after ${requests} requests`)
        if (name.includes('OfflineQueue') && fault === 'refuses connections')
          t.ok(maxPending < 10, 'no command is queued')
        proxy.accept()
        proxy.thaw()
        t.equal(
          await eventuallyStatus(() => new Client(app).login({ sub: 'later' }), {
            withinMs: RECOVERY_TIMEOUT_MS
          }),
          200
        )
        await eventually(() => countPending(redis) === 0, RECOVERY_TIMEOUT_MS)
        t.equal((await clients[0]?.call())?.statusCode, 401, 'the logout holds')
        await eventually(async () => (await app.sessions.list('newcomer')).length === 0, RECOVERY_TIMEOUT_MS)
        await eventually(() => heapMb() < heapBefore + 10, RECOVERY_TIMEOUT_MS)
        const mb = [heapBefore, heapDuring, heapMb()].map((heap) => heap.toFixed(1)).join(', ')
        t.comment(`${requests} requests, ${maxPending} pending, heap before, during, after: ${mb} MB`)
      }
    )
  }
}

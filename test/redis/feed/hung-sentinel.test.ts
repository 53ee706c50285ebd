import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { RedisStore, type Revocation } from '../../../lib/index.js'
import { eventually } from '../../support/eventually.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'

const host = '127.0.0.1'

/** Starts a server that accepts connections and never replies, like a Sentinel on a frozen machine. */
async function startHungSentinel(t: Test): Promise<{ port: number; connections: () => number }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => sockets.add(socket.on('error', () => {})))
  server.listen(0, host)
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, connections: () => sockets.size }
}

async function startSentinel(t: Test, master: RedisServer): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'sentinel-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const config = join(folder, 'sentinel.conf')
  await writeFile(config, `sentinel monitor main ${host} ${master.port} 1\n`)
  return startRedis(t, ['--sentinel'], config)
}

t.test('the reader connects if the first Sentinel hangs', async (t) => {
  const master = await startRedis(t)
  const sentinel = await startSentinel(t, master)
  const hung = await startHungSentinel(t)
  const redis = new Redis({
    name: 'main',
    sentinels: [hung, sentinel].map(({ port }) => ({ host, port })),
    // The application's client must not wait for the first Sentinel in this test.
    sentinelCommandTimeout: 2000,
    disconnectTimeout: 100
  })
  redis.on('error', () => {})
  t.after(() => redis.disconnect())
  await once(redis, 'ready')
  const ofClient = hung.connections()
  t.ok(ofClient > 0)

  // The duplicates of a client without the option wait without limit.
  delete (redis.options as { sentinelCommandTimeout?: number }).sentinelCommandTimeout
  const received: Revocation[] = []
  const feed = new RedisStore({ redis, keyPrefix: `test:${randomUUID()}:` }).openFeed({
    accessTokenTtlMs: 60_000,
    staleAfterMs: 5000,
    storeTimeoutMs: 2000,
    onRevocation: (revocation: Revocation) => received.push(revocation),
    onRepublished: () => {},
    onMasterChanged: () => {},
    onEvent: () => {}
  })
  t.after(() => feed.close())
  await feed.follow()
  t.ok(hung.connections() > ofClient, 'the reader asked the first Sentinel')
  await feed.add({ sids: ['a'], reason: 'logout', expiresAtMs: 0 })
  await eventually(() => received.length === 1)
})

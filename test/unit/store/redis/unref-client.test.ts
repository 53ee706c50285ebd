import { EventEmitter } from 'node:events'
import { createServer, Socket } from 'node:net'
import { Redis } from 'ioredis'
import t from 'tap'
import { unrefClient } from '../../../../lib/store/redis/unref-client.js'

/** Records whether it was released. */
class Handle {
  isReleased = false

  unref(): void {
    this.isReleased = true
  }
}

t.test('releases the socket of a client while it still connects', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const redis = new Redis({ port, lazyConnect: true, retryStrategy: () => null })
  t.after(() => redis.disconnect())
  redis.on('error', () => {})
  const released: Socket[] = []
  const { unref } = Socket.prototype
  Socket.prototype.unref = function (this: Socket) {
    if (this.connecting) released.push(this)
    return unref.call(this)
  }
  t.after(() => {
    Socket.prototype.unref = unref
  })
  unrefClient(redis)
  void redis.connect().catch(() => {})
  while (released.length === 0) await new Promise((resolve) => setImmediate(resolve))
  t.equal(released[0], (redis as unknown as { stream: Socket }).stream)
})

t.test('releases the socket and the reconnect timer of a client without a connector', async (t) => {
  const [first, stream, reconnectTimeout] = [new Handle(), new Handle(), new Handle()]
  const client = Object.assign(new EventEmitter(), { stream: first, reconnectTimeout })
  unrefClient(client)
  t.ok(first.isReleased, 'it may be connected already')
  client.stream = stream
  t.notOk(stream.isReleased || reconnectTimeout.isReleased)
  client.emit('connect')
  t.ok(stream.isReleased)
  client.emit('reconnecting')
  t.ok(reconnectTimeout.isReleased)
})

t.test('releases each node of a Cluster, and its connection for subscriptions', async (t) => {
  const subscriber = Object.assign(new EventEmitter(), { stream: new Handle() })
  const getInstance = () => subscriber
  const cluster = Object.assign(new EventEmitter(), { isCluster: true, subscriber: { getInstance } })
  const node = Object.assign(new EventEmitter(), { stream: new Handle() })
  unrefClient(cluster)
  cluster.emit('+node', node)
  node.emit('connect')
  t.ok(node.stream.isReleased)
  cluster.emit('ready')
  t.ok(subscriber.stream.isReleased)
  t.doesNotThrow(() => {
    const other = Object.assign(new EventEmitter(), {
      isCluster: true,
      subscriber: { getInstance: () => null }
    })
    unrefClient(other)
    other.emit('ready')
  })
})

t.test('releases the connections to Sentinels, and ignores their errors', async (t) => {
  const sentinel = Object.assign(new EventEmitter(), { stream: new Handle() })
  const connector = { connect: async () => new Handle(), connectToSentinel: () => sentinel }
  unrefClient(Object.assign(new EventEmitter(), { connector }))
  t.equal(connector.connectToSentinel(), sentinel)
  sentinel.emit('connect')
  t.ok(sentinel.stream.isReleased)
  sentinel.emit('error', new Error('the Sentinel is gone'))
  t.ok((await connector.connect()).isReleased)
})

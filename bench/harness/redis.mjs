import { once } from 'node:events'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { start, stop } from './children.mjs'
import { CORES } from './cpus.mjs'

/** Starts a Redis server. By default it writes nothing to disk. */
export async function startRedis(core = CORES.redis, { appendonly = 'no', dir = tmpdir() } = {}) {
  const port = await freePort()
  const settings = {
    ...{ port, bind: '127.0.0.1', loglevel: 'warning', dir, save: '', appendonly },
    // So that the size of the file is the sum of what was written.
    'auto-aof-rewrite-percentage': 0
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = start(core, 'redis-server', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  child.on('error', (error) => {
    console.error(`could not start redis-server: ${error.message}`)
    process.exit(1)
  })
  const client = await connectTo(port)
  const info = async (section = 'default') => parseInfo(await client.info(section))

  return {
    port,
    pid: child.pid,
    client,
    info,
    async cpuMs() {
      const { used_cpu_user: user, used_cpu_sys: system } = await info('cpu')
      return (Number(user) + Number(system)) * 1000
    },
    /** Returns the used memory without the buffers of clients. */
    async usedMemory() {
      const { used_memory: all, mem_clients_normal: buffers } = await info('memory')
      return Number(all) - Number(buffers)
    },
    async stop() {
      client.disconnect()
      await stop(child, 'SIGKILL')
    }
  }
}

async function connectTo(port) {
  const client = new Redis(port, { retryStrategy: () => 20, maxRetriesPerRequest: null })
  client.on('error', () => {})
  const response = await Promise.race([client.ping(), setTimeout(5000, 'none', { ref: false })])
  if (response !== 'PONG') throw new Error('redis-server did not respond within 5 seconds')
  return client
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

function parseInfo(text) {
  const pairs = text.split('\r\n').filter((line) => line.includes(':'))
  return Object.fromEntries(pairs.map((line) => line.split(':', 2)))
}

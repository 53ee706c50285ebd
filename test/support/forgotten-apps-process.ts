/**
 * A process whose apps are used and never closed. After a line of input it closes the shared Redis client. The process exits
 * when nothing keeps it alive.
 */
import { once } from 'node:events'
import Fastify from 'fastify'
import { Cluster, Redis } from 'ioredis'
import { fastifyRefreshToken } from '../../lib/index.js'
import { SECRET } from './build-app.js'

const { KIND, PORT, MODE = 'feed', FORGOTTEN_APPS = '3' } = process.env
const address = { host: '127.0.0.1', port: Number(PORT) }

function createClient() {
  if (KIND === 'cluster') return new Cluster([address])
  if (KIND === 'sentinel') return new Redis({ sentinels: [address], name: 'main', failoverDetector: true })
  return new Redis(address)
}

const redis = createClient()
redis.on('error', () => {})

for (let i = 0; i < Number(FORGOTTEN_APPS); i++) {
  const app = Fastify()
  await app.register(fastifyRefreshToken, {
    secret: SECRET,
    redis,
    keyPrefix: `forgotten ${i}:`,
    storeTimeout: '400ms',
    revocation: { mode: MODE as 'feed' | 'store', staleAfter: '1s' },
    login: () => ({ sub: 'ada' })
  })
  await app.ready()
  await app.inject({ method: 'POST', url: '/auth/login' })
}
console.log('used')
await once(process.stdin, 'data')
process.stdin.destroy()
redis.disconnect()
console.log('client closed')

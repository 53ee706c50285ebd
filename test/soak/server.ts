// The application under load, in its own process, so that its memory contains nothing else.
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { fastifyRefreshToken } from '../../lib/index.js'
import { collect } from '../support/gc.js'
import { fillCaches } from './fill.js'
import type { Lifetimes } from './lifetimes.js'

export interface Started {
  port: number
}
export interface Measured {
  heapUsed: number
  rss: number
}

const SECRET = 'the secret of a soak test, long enough'

const [url, json, fill] = process.argv.slice(2) as [url: string, json: string, fill?: string]
const { accessToken, grace, idle, session }: Lifetimes = JSON.parse(json)

const redis = new Redis(url)
redis.on('error', (error) => console.error(error.message))

const app = Fastify({ logger: { level: 'error' }, keepAliveTimeout: 60_000 })
await app.register(fastifyRefreshToken, {
  secret: SECRET,
  redis,
  // Long, because the machine may be busy.
  storeTimeout: '30s',
  login: (request) => {
    const { sub } = request.body as { sub: string }
    return { sub, claims: { roles: ['reader'] } }
  },
  accessToken: { ttl: accessToken },
  refreshToken: { ttl: idle, grace },
  session: { ttl: session }
})
app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
await app.ready()
if (fill) await fillCaches(app, SECRET)
await app.listen({ port: 0, host: '127.0.0.1' })

/** Filled only to show that the test detects a leak. */
const leaked: string[] = []
if (process.env.SOAK_LEAK) {
  app.server.on('request', (_request, response) => {
    response.once('close', () =>
      leaked.push('x'.repeat(Number(process.env.SOAK_LEAK)).concat(String(leaked.length)))
    )
  })
}

// The parent process has ended.
process.on('disconnect', () => process.exit())

process.on('message', async (message) => {
  if (message === 'stop') {
    await app.close()
    process.disconnect()
    return
  }
  // Twice, because the second collection frees what the first one finalized.
  collect()
  collect()
  const { heapUsed, rss } = process.memoryUsage()
  process.send?.({ heapUsed, rss } satisfies Measured)
})
const address = app.server.address()
process.send?.({ port: typeof address === 'object' && address ? address.port : 0 } satisfies Started)

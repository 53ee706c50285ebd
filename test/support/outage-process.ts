/**
 * A process with the plugin over Redis. After the first line of input it sends all kinds of requests and closes the app.
 * The process exits when there is nothing left to do.
 */
import { once } from 'node:events'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { fastifyRefreshToken, type Identity } from '../../lib/index.js'
import { SECRET } from './build-app.js'
import { Client } from './client.js'
import { postWithAccess } from './outage.js'

const { REDIS_PORT, MODE, TIMES = '30' } = process.env
const redis = new Redis({ port: Number(REDIS_PORT), disconnectTimeout: 100 })
redis.on('error', () => {})

const app = Fastify()
await app.register(fastifyRefreshToken, {
  secret: SECRET,
  redis,
  storeTimeout: '400ms',
  revocation: { mode: MODE as 'feed' | 'store', staleAfter: '1s' },
  login: ({ body }) => body as Identity
})
app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
await app.ready()

const clients: Client[] = []
for (let i = 0; i < Number(TIMES); i++) {
  const client = new Client(app)
  await client.login({ sub: `user ${i}` })
  await client.refresh()
  clients.push(client)
}
console.log('ready')
await once(process.stdin, 'data')

await Promise.all(
  clients.flatMap((client) => [
    client.copy().call(),
    client.copy().refresh(),
    postWithAccess(client.copy(), '/auth/logout-all'),
    client.copy().logout(),
    new Client(app).login({ sub: 'newcomer' })
  ])
)
await app.close()
console.log('closed')
redis.disconnect()
process.stdin.destroy()

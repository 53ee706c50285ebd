import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import t from 'tap'
import { buildAlerts } from '../../../examples/recipes/alerts.js'
import { SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { startRedis } from '../../support/redis-server.js'

const ADA = { username: 'ada', password: 'analytical engine' }

t.test('alerts survive a webhook that is down and a restart of the process', async (t) => {
  const server = await startRedis(t)
  const received: Record<string, unknown>[] = []
  let status = 503
  let attempts = 0
  const receiver = createServer(async (request, response) => {
    attempts++
    const alert = (await json(request)) as Record<string, unknown>
    if (status === 200) received.push(alert)
    response.writeHead(status).end()
  })
  receiver.listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  t.after(() => {
    receiver.close()
    receiver.closeAllConnections()
  })
  const webhook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`

  const build = async () => {
    const app = await buildAlerts({
      secret: SECRET,
      redis: server.client(),
      webhook,
      retryDelayMs: 10,
      grace: 0
    })
    t.after(() => app.close())
    return app
  }
  const first = await build()
  const client = new Client(first)
  await client.login(ADA)
  const stolen = client.copy()
  const { tokenName } = client.options
  const moved = await first.inject({
    method: 'POST',
    url: '/auth/refresh',
    headers: { 'x-country': 'IS', cookie: `${tokenName}=${client.jar.refreshToken}` }
  })
  client.jar.store(moved, client.options)
  t.equal((await client.call()).statusCode, 200)
  await eventually(() => attempts >= 2)
  await eventually(async () => (await stolen.loseResponse()).json().code === 'FRT_ERR_REFRESH_TOKEN_REUSED')
  await first.close()

  status = 200
  await build()
  await eventually(() => received.length === 2)
  const kinds = received.map(({ kind, sub }) => `${kind} ${sub}`).sort()
  t.strictSame(kinds, ['another-country user-1', 'stolen-token user-1'])
  t.equal(new Set(received.map(({ sid }) => sid)).size, 1)
})

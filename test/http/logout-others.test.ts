import t from 'tap'
import type { LogoutEvent } from '../../lib/index.js'
import { buildApp, DOWN, overriding } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { eachStore, openMemoryStore } from '../support/stores.js'

function logOutOthers(client: Client) {
  return client.app.inject({
    method: 'POST',
    url: '/auth/logout-others',
    headers: client.accessHeaders()
  })
}

await eachStore(t, async (t, open) => {
  t.test('POST /auth/logout-others revokes the sessions of the other devices', async (t) => {
    const events: LogoutEvent[] = []
    const { app } = await buildApp(t, {
      under: open(t),
      options: { onLogout: (event) => void events.push(event) }
    })
    const [desk, phone, tablet, grace] = [1, 2, 3, 4].map(() => new Client(app)) as [
      Client,
      Client,
      Client,
      Client
    ]
    for (const client of [desk, phone, tablet]) await client.login()
    await grace.login({ sub: 'grace' })

    const response = await logOutOthers(phone)
    t.equal(response.statusCode, 200)
    t.strictSame(response.json(), { revoked: 2 })
    t.equal(response.headers['set-cookie'], undefined, 'this device stays logged in')
    for (const client of [desk, tablet]) {
      t.equal((await client.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
      t.equal((await client.refresh()).statusCode, 401)
    }
    for (const client of [phone, grace]) {
      t.equal((await client.call()).statusCode, 200)
      t.equal((await client.refresh()).statusCode, 200)
    }
    t.match(events, [{ reason: 'logout' }, { reason: 'logout' }])
    t.strictSame((await logOutOthers(phone)).json(), { revoked: 0 })
    t.equal((await logOutOthers(new Client(app))).json().code, 'FRT_ERR_NO_ACCESS_TOKEN')
  })
})

t.test('a store that is down is a 503', async (t) => {
  const methods = {}
  const { app } = await buildApp(t, { under: overriding(openMemoryStore(), methods) })
  const client = new Client(app)
  await client.login()
  Object.assign(methods, DOWN)
  t.equal((await logOutOthers(client)).json().code, 'FRT_ERR_STORE_UNAVAILABLE')
})

t.test('the route can be left out', async (t) => {
  const without = await buildApp(t, { options: { routes: { logoutOthers: false } } })
  t.equal((await logOutOthers(new Client(without.app))).statusCode, 404)
})

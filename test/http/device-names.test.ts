import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildApp, DOWN, overriding } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { eachStore, openMemoryStore } from '../support/stores.js'

async function loggedIn(app: FastifyInstance, sub = 'ada'): Promise<Client> {
  const client = new Client(app)
  await client.login({ sub })
  return client
}

async function list(client: Client): Promise<{ id: string; name: string | null; current: boolean }[]> {
  return (await client.call('/auth/sessions')).json().sessions
}

function rename(client: Client, id: string, payload: unknown, headers: object = {}) {
  return client.app.inject({
    method: 'PATCH',
    url: `/auth/sessions/${id}`,
    headers: { ...client.accessHeaders(), 'content-type': 'application/json', ...headers },
    payload: JSON.stringify(payload)
  })
}

await eachStore(t, async (t, open) => {
  t.test('PATCH /auth/sessions/:id names a device, and null removes the name', async (t) => {
    const { app } = await buildApp(t, { under: open(t) })
    const desk = await loggedIn(app)
    const phone = await loggedIn(app)
    const [, onPhone] = await list(phone)
    const id = onPhone?.id as string

    const response = await rename(desk, id, { name: 'Adas Handy 📱' })
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    t.match(response.json(), { id, name: 'Adas Handy 📱', current: false })
    t.strictSame(
      (await list(phone)).map(({ name, current }) => [name, current]),
      [
        [null, false],
        ['Adas Handy 📱', true]
      ]
    )
    t.match(await app.sessions.get(id), { name: 'Adas Handy 📱' })

    await phone.refresh()
    t.match(await list(phone), [{ name: null }, { name: 'Adas Handy 📱' }], 'a refresh keeps the name')
    t.equal((await rename(phone, id, { name: null })).json().name, null)
    t.match(await list(phone), [{ name: null }, { name: null }])
  })

  t.test('only the user of a session can name it', async (t) => {
    const { app } = await buildApp(t, { under: open(t) })
    const ada = await loggedIn(app)
    const grace = await loggedIn(app, 'grace')
    const id = (await list(ada))[0]?.id as string
    for (const [client, sid] of [
      [grace, id],
      [ada, 'A'.repeat(32)],
      [ada, 'x']
    ] as const) {
      const response = await rename(client, sid, { name: 'mine' })
      t.match([response.statusCode, response.json().code], [404, 'FRT_ERR_SESSION_NOT_FOUND'])
    }
    t.equal((await rename(new Client(app), id, { name: 'mine' })).statusCode, 401)
    t.match(await list(ada), [{ name: null }])
    await app.sessions.revoke(id)
    t.equal((await rename(ada, id, { name: 'mine' })).statusCode, 401)
  })

  t.test('an invalid name is a 400 and changes nothing', async (t) => {
    const { app } = await buildApp(t, { under: open(t) })
    const client = await loggedIn(app)
    const id = (await list(client))[0]?.id as string
    await rename(client, id, { name: 'laptop' })
    const invalid = ['', 'x'.repeat(65), 'a\nb', 'a\u0000b', 'a\u0085b', '\ud800', 7, true, {}, [], { a: 1 }]
    for (const name of invalid) {
      const response = await rename(client, id, { name })
      t.equal(response.statusCode, 400, JSON.stringify(name))
      t.equal(response.json().code, 'FRT_ERR_INVALID_NAME')
    }
    for (const body of [{}, { names: 'x' }, 'laptop', null, []]) {
      t.equal((await rename(client, id, body)).statusCode, 400, JSON.stringify(body))
    }
    t.match(await list(client), [{ name: 'laptop' }])
    const longest = '📱'.repeat(64)
    t.equal((await rename(client, id, { name: longest })).json().name, longest)
  })
})

t.test('a session that ends meanwhile is a 404, and a store that is down a 503', async (t) => {
  const methods = {}
  const { app } = await buildApp(t, { under: overriding(openMemoryStore(), methods) })
  const client = await loggedIn(app)
  const id = (await list(client))[0]?.id as string
  Object.assign(methods, { update: async () => null })
  t.equal((await rename(client, id, { name: 'phone' })).json().code, 'FRT_ERR_SESSION_NOT_FOUND')
  Object.assign(methods, { update: DOWN.update })
  t.equal((await rename(client, id, { name: 'phone' })).json().code, 'FRT_ERR_STORE_UNAVAILABLE')
})

t.test('another origin cannot name a device if a cookie has the access token', async (t) => {
  const read = () => token
  let token: string | undefined
  const { app } = await buildApp(t, { options: { accessToken: { read } } })
  const client = await loggedIn(app)
  const id = (await list(client))[0]?.id as string
  token = client.jar.accessToken
  const response = await app.inject({
    method: 'PATCH',
    url: `/auth/sessions/${id}`,
    headers: { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    payload: { name: 'mine' }
  })
  t.equal(response.json().code, 'FRT_ERR_CROSS_ORIGIN')
})

import t from 'tap'
import { buildTypebox } from '../../../examples/recipes/typebox.js'
import { buildZod } from '../../../examples/recipes/zod.js'
import { SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'

for (const [name, build] of Object.entries({ Zod: buildZod, TypeBox: buildTypebox })) {
  t.test(`${name} validates the login and the notes, and the routes of the plugin still work`, async (t) => {
    const app = await build({ secret: SECRET })
    t.after(() => app.close())
    const client = new Client(app)
    const write = (payload: object, headers = client.accessHeaders()) =>
      app.inject({ method: 'POST', url: '/notes', headers, payload })

    t.equal((await client.login({ username: 'ada' })).statusCode, 400, 'no password')
    t.equal((await client.login({ username: 'ada', password: 'analytical engine' })).statusCode, 200)
    t.equal((await client.refresh()).statusCode, 200)

    t.same((await write({ text: ' hello ', stars: 3 })).json(), { text: 'hello', stars: 3, by: 'Ada' })
    t.equal((await write({ text: '', stars: 3 })).statusCode, 400)
    t.equal((await write({ text: 'hello', stars: 'many' })).statusCode, 400)
    t.equal((await write({ text: 'hello', stars: 3 }, {})).statusCode, 401)

    const sessions = await app.inject({ url: '/auth/sessions', headers: client.accessHeaders() })
    t.match(sessions.json(), { sessions: [{ current: true }] })
  })
}

import t, { type Test } from 'tap'
import { buildStepUp } from '../../../examples/recipes/step-up.js'
import { SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { Clock } from '../../support/clock.js'

const ADA = { username: 'ada', password: 'analytical engine' }
const GRACE = { username: 'grace', password: 'nanoseconds' }
const MAX_AGE_SECONDS = 5 * 60

async function enter(t: Test) {
  const clock = new Clock().mockDate(t)
  const app = await buildStepUp({ secret: SECRET })
  t.after(() => app.close())
  const client = new Client(app)
  Object.assign(client.jar, await app.sessions.create({ sub: 'user-1' }))

  const deleteAccount = () =>
    app.inject({ method: 'DELETE', url: '/account', headers: client.accessHeaders() })
  const confirm = async (payload: object) => {
    const headers = client.accessHeaders()
    const response = await app.inject({ method: 'POST', url: '/confirm-password', headers, payload })
    if (response.statusCode === 200) client.jar.accessToken = response.json().access_token
    return response
  }
  return { clock, client, deleteAccount, confirm }
}

t.test('the action is allowed shortly after the login', async (t) => {
  const { deleteAccount } = await enter(t)
  t.equal((await deleteAccount()).statusCode, 200)
})

t.test('later the action needs the password, and a refresh is not enough', async (t) => {
  const { clock, client, deleteAccount, confirm } = await enter(t)
  clock.advance((MAX_AGE_SECONDS + 1) * 1000)
  t.equal((await client.refresh()).statusCode, 200)
  t.equal((await client.call('/account')).statusCode, 200, 'other routes still work')

  const rejected = await deleteAccount()
  t.equal(rejected.statusCode, 401)
  t.equal(rejected.json().code, 'FRT_ERR_INSUFFICIENT_AUTHENTICATION')
  t.match(rejected.headers['www-authenticate'], 'error="insufficient_user_authentication"')
  t.match(rejected.headers['www-authenticate'], `max_age="${MAX_AGE_SECONDS}"`)

  const before = (await client.call('/account')).json()
  t.equal((await confirm(ADA)).statusCode, 200)
  t.equal((await deleteAccount()).statusCode, 200)
  const after = (await client.call('/account')).json()
  t.equal(after.sid, before.sid, 'the session is the same')
  t.strictSame(after.amr, ['pwd'])

  clock.advance((MAX_AGE_SECONDS - 1) * 1000)
  await client.refresh()
  t.equal((await deleteAccount()).statusCode, 200, 'a refresh keeps the time of the authentication')
  clock.advance(2000)
  await client.refresh()
  t.equal((await deleteAccount()).statusCode, 401)
})

t.test('a wrong password and the password of another user are rejected', async (t) => {
  const { clock, client, deleteAccount, confirm } = await enter(t)
  clock.advance((MAX_AGE_SECONDS + 1) * 1000)
  await client.refresh()

  t.equal((await confirm({ ...ADA, password: 'difference engine' })).statusCode, 403)
  t.equal((await confirm(GRACE)).statusCode, 403)
  t.equal((await deleteAccount()).statusCode, 401)
})

import t, { type Test } from 'tap'
import { buildStepUp, MAX_AGE_SECONDS } from '../../../examples/recipes/step-up.js'
import { SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { Clock } from '../../support/clock.js'

const ADA = { username: 'ada', password: 'analytical engine' }
const GRACE = { username: 'grace', password: 'nanoseconds' }

async function enter(t: Test) {
  const clock = new Clock().mockDate(t)
  const app = await buildStepUp({ secret: SECRET })
  t.after(() => app.close())
  const client = new Client(app)
  Object.assign(client.jar, await app.sessions.create({ sub: 'user-1' }))

  const deleteAccount = () =>
    app.inject({ method: 'DELETE', url: '/account', headers: client.accessHeaders() })
  const confirm = async (payload: object) => {
    const cookie = `${client.options.tokenName}=${client.jar.refreshToken}`
    const headers = { ...client.accessHeaders(), cookie }
    const response = await app.inject({ method: 'POST', url: '/confirm-password', headers, payload })
    client.jar.store(response, client.options)
    return response
  }
  return { clock, client, deleteAccount, confirm }
}

t.test('the action is allowed shortly after the login', async (t) => {
  const { deleteAccount } = await enter(t)
  t.equal((await deleteAccount()).statusCode, 200)
})

t.test('later the action needs the password, and a new access token is not enough', async (t) => {
  const { clock, client, deleteAccount, confirm } = await enter(t)
  clock.advance((MAX_AGE_SECONDS + 1) * 1000)
  t.equal((await client.refresh()).statusCode, 200)
  t.equal((await client.call('/account')).statusCode, 200, 'other routes still work')

  const rejected = await deleteAccount()
  t.equal(rejected.statusCode, 401)
  t.match(rejected.headers['www-authenticate'], 'error="insufficient_user_authentication"')
  t.match(rejected.headers['www-authenticate'], `max_age="${MAX_AGE_SECONDS}"`)

  const before = client.copy()
  t.equal((await confirm(ADA)).statusCode, 200)
  t.equal((await deleteAccount()).statusCode, 200)

  t.equal(
    (await before.call('/account')).json().code,
    'FRT_ERR_SESSION_REVOKED',
    'the old session is revoked'
  )
  t.equal((await before.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
})

t.test('a wrong password and the password of another user are rejected', async (t) => {
  const { clock, client, deleteAccount, confirm } = await enter(t)
  clock.advance((MAX_AGE_SECONDS + 1) * 1000)
  await client.refresh()

  t.equal((await confirm({ ...ADA, password: 'difference engine' })).statusCode, 403)
  t.equal((await confirm(GRACE)).statusCode, 403)
  t.equal((await deleteAccount()).statusCode, 401)
})

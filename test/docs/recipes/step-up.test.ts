import t, { type Test } from 'tap'
import { buildStepUp, MAX_AGE_SECONDS } from '../../../examples/recipes/step-up.js'
import { SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { Clock } from '../../support/clock.js'

const ADA = { username: 'ada', password: 'analytical engine' }
const GRACE = { username: 'grace', password: 'nanoseconds' }

async function enter(t: Test) {
  const clock = new Clock().rule(t)
  const app = await buildStepUp({ secret: SECRET })
  t.after(() => app.close())
  const client = new Client(app)
  Object.assign(client.jar, await app.sessions.create({ sub: 'user-1' }))

  const deleteAccount = () =>
    app.inject({ method: 'DELETE', url: '/account', headers: client.accessHeaders() })
  const confirm = async (payload: object) => {
    const cookie = `${client.options.carrier}=${client.jar.refreshToken}`
    const headers = { ...client.accessHeaders(), cookie }
    const answer = await app.inject({ method: 'POST', url: '/confirm-password', headers, payload })
    client.jar.keep(answer, client.options)
    return answer
  }
  return { clock, client, deleteAccount, confirm }
}

t.test('just logged in, the user goes ahead', async (t) => {
  const { deleteAccount } = await enter(t)
  t.equal((await deleteAccount()).statusCode, 200)
})

t.test('a while later a fresh access token is not enough: the password is', async (t) => {
  const { clock, client, deleteAccount, confirm } = await enter(t)
  clock.advance((MAX_AGE_SECONDS + 1) * 1000)
  t.equal((await client.refresh()).statusCode, 200)
  t.equal((await client.call('/account')).statusCode, 200, 'all else goes on')

  const refused = await deleteAccount()
  t.equal(refused.statusCode, 401)
  t.match(refused.headers['www-authenticate'], 'error="insufficient_user_authentication"')
  t.match(refused.headers['www-authenticate'], `max_age="${MAX_AGE_SECONDS}"`)

  const before = client.copy()
  t.equal((await confirm(ADA)).statusCode, 200)
  t.equal((await deleteAccount()).statusCode, 200)

  t.equal((await before.call('/account')).json().code, 'FRT_ERR_SESSION_REVOKED', 'the old session has ended')
  t.equal((await before.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
})

t.test('neither a wrong password nor that of somebody else will do', async (t) => {
  const { clock, client, deleteAccount, confirm } = await enter(t)
  clock.advance((MAX_AGE_SECONDS + 1) * 1000)
  await client.refresh()

  t.equal((await confirm({ ...ADA, password: 'difference engine' })).statusCode, 403)
  t.equal((await confirm(GRACE)).statusCode, 403)
  t.equal((await deleteAccount()).statusCode, 401)
})

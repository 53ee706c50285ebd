import t from 'tap'
import { buildCustomersAndStaff } from '../../../examples/recipes/customers-and-staff.js'
import { SECRET } from '../../support/build-app.js'

const ADA = { username: 'ada', password: 'analytical engine' }
const GRACE = { username: 'grace', password: 'nanoseconds' }

const app = await buildCustomersAndStaff({ secret: SECRET })
t.after(() => app.close())

async function login(prefix: string, payload: object) {
  const answer = await app.inject({ method: 'POST', url: `${prefix}/login`, payload })
  const [cookie] = answer.cookies
  return { answer, accessToken: answer.json().access_token as string, cookie }
}

const call = (url: string, accessToken: string) =>
  app.inject({ url, headers: { authorization: `Bearer ${accessToken}` } })

const refresh = (prefix: string, name: string, value = '') =>
  app.inject({ method: 'POST', url: `${prefix}/refresh`, headers: { cookie: `${name}=${value}` } })

t.test('each lets in its own, and neither the tokens of the other', async (t) => {
  const customer = await login('/auth', ADA)
  const staff = await login('/staff/auth', ADA)
  t.equal(customer.cookie?.name, '__Host-refresh_token')
  t.equal(staff.cookie?.name, '__Host-staff_token')

  t.equal((await call('/orders', customer.accessToken)).statusCode, 200)
  t.equal((await call('/staff/orders', staff.accessToken)).statusCode, 200)

  for (const crossed of [call('/staff/orders', customer.accessToken), call('/orders', staff.accessToken)]) {
    t.equal((await crossed).json().code, 'FRT_ERR_ACCESS_TOKEN_INVALID')
  }
  for (const crossed of [
    refresh('/staff/auth', '__Host-staff_token', customer.cookie?.value),
    refresh('/auth', '__Host-refresh_token', staff.cookie?.value)
  ]) {
    t.equal((await crossed).json().code, 'FRT_ERR_REFRESH_TOKEN_INVALID')
  }
  t.equal((await refresh('/auth', '__Host-refresh_token', customer.cookie?.value)).statusCode, 200)
  t.equal((await refresh('/staff/auth', '__Host-staff_token', staff.cookie?.value)).statusCode, 200)
})

t.test('one browser is logged in to both, and logs out of one', async (t) => {
  const customer = await login('/auth', ADA)
  const staff = await login('/staff/auth', ADA)
  const cookie = [customer, staff].map(({ cookie }) => `${cookie?.name}=${cookie?.value}`).join('; ')

  await app.inject({ method: 'POST', url: '/staff/auth/logout', headers: { cookie } })
  t.equal((await call('/staff/orders', staff.accessToken)).json().code, 'FRT_ERR_SESSION_REVOKED')
  t.equal((await call('/orders', customer.accessToken)).statusCode, 200)
})

t.test('a customer does not log in as staff', async (t) => {
  t.equal((await login('/auth', GRACE)).answer.statusCode, 200)
  t.equal((await login('/staff/auth', GRACE)).answer.json().code, 'FRT_ERR_INVALID_CREDENTIALS')
})

import t from 'tap'
import { buildCustomersAndStaff } from '../../../examples/recipes/customers-and-staff.js'
import { SECRET } from '../../support/build-app.js'

const ADA = { username: 'ada', password: 'analytical engine' }
const GRACE = { username: 'grace', password: 'nanoseconds' }

const app = await buildCustomersAndStaff({ secret: SECRET })
t.after(() => app.close())

async function login(prefix: string, payload: object) {
  const response = await app.inject({ method: 'POST', url: `${prefix}/login`, payload })
  const [cookie] = response.cookies
  return { response, accessToken: response.json().access_token as string, cookie }
}

const call = (url: string, accessToken: string) =>
  app.inject({ url, headers: { authorization: `Bearer ${accessToken}` } })

const refresh = (prefix: string, name: string, value = '') =>
  app.inject({ method: 'POST', url: `${prefix}/refresh`, headers: { cookie: `${name}=${value}` } })

t.test('each instance accepts its own tokens, and rejects the tokens of the other', async (t) => {
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

t.test('a browser that is logged in to both instances logs out of one', async (t) => {
  const customer = await login('/auth', ADA)
  const staff = await login('/staff/auth', ADA)
  const cookie = [customer, staff].map(({ cookie }) => `${cookie?.name}=${cookie?.value}`).join('; ')

  await app.inject({ method: 'POST', url: '/staff/auth/logout', headers: { cookie } })
  t.equal((await call('/staff/orders', staff.accessToken)).json().code, 'FRT_ERR_SESSION_REVOKED')
  t.equal((await call('/orders', customer.accessToken)).statusCode, 200)
})

t.test('a customer cannot log in as staff', async (t) => {
  t.equal((await login('/auth', GRACE)).response.statusCode, 200)
  t.equal((await login('/staff/auth', GRACE)).response.json().code, 'FRT_ERR_INVALID_CREDENTIALS')
})

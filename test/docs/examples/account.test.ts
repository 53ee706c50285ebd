import t, { type Test } from 'tap'
import { type AccountOptions, buildAccount } from '../../../examples/account/app.js'
import { SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { Clock } from '../../support/clock.js'

const CODE = '123456'
const LINKS = /\s(?:src|href)="(\/[^"]*)"/g

/** Opens the app with two devices of one user. */
async function enter(t: Test, options: Partial<AccountOptions> = {}) {
  const clock = new Clock().mockDate(t)
  const app = await buildAccount({ secret: SECRET, ...options })
  t.after(() => app.close())
  const [desk, phone] = [new Client(app), new Client(app)]
  // Without a password, because hashing takes time.
  for (const { jar } of [desk, phone]) Object.assign(jar, await app.sessions.create({ sub: 'user-1' }))
  const call = (method: 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) =>
    app.inject({ method, url, headers: desk.accessHeaders(), ...(payload && { payload }) })
  const confirm = async (code: string) => {
    const response = await call('POST', '/confirm-code', { code })
    if (response.statusCode === 200) desk.jar.accessToken = response.json().access_token
    return response
  }
  const list = async (): Promise<{ id: string; name: string | null; current: boolean }[]> =>
    (await desk.call('/auth/sessions')).json().sessions
  return { app, clock, desk, phone, call, confirm, list }
}

t.test('the page has its files, and an element for each id that its scripts use', async (t) => {
  const { app } = await enter(t)
  const { headers, body: page } = await app.inject('/')
  t.match(headers['content-security-policy'], "script-src 'self'")
  for (const [, path = ''] of page.matchAll(LINKS)) t.equal((await app.inject(path)).statusCode, 200, path)
  const ids = new Set([...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id))
  for (const path of ['/main.js', '/devices.js', '/step-up.js']) {
    const { body } = await app.inject(path)
    for (const [, id = ''] of body.matchAll(/byId\('([^']+)'\)/g)) t.ok(ids.has(id), `${path}: ${id}`)
  }
})

t.test('a login records its method', async (t) => {
  const { app } = await enter(t)
  const client = new Client(app)
  t.equal((await client.login({ username: 'ada', password: 'nanoseconds' })).statusCode, 401)
  t.equal((await client.login({ username: 'ada', password: 'analytical engine' })).statusCode, 200)
  const [, , session] = await app.sessions.list('user-1')
  t.match(session, { acr: null, amr: ['pwd'] })
})

t.test('a device can be named without the code', async (t) => {
  const { call, list } = await enter(t)
  const phone = (await list()).find(({ current }) => !current)
  t.equal((await call('PATCH', `/auth/sessions/${phone?.id}`, { name: "Ada's phone" })).statusCode, 200)
  t.match(await list(), [{ name: null }, { name: "Ada's phone" }])
})

t.test('a log out of other devices requires the code, for five minutes', async (t) => {
  const { clock, desk, phone, call, confirm, list } = await enter(t)
  const url = `/auth/sessions/${(await list()).find(({ current }) => !current)?.id}`
  for (const [method, path] of [
    ['DELETE', url],
    ['POST', '/auth/logout-others'],
    ['POST', '/auth/logout-all']
  ] as const) {
    const response = await call(method, path)
    t.match([response.statusCode, response.json().code], [401, 'FRT_ERR_INSUFFICIENT_AUTHENTICATION'], path)
    t.match(response.headers['www-authenticate'], 'acr_values="otp", max_age="300"')
  }
  t.equal((await confirm('000000')).statusCode, 403)
  t.equal((await confirm('12345')).statusCode, 400)
  t.equal((await call('DELETE', url)).statusCode, 401)

  const confirmed = await confirm(CODE)
  t.equal(confirmed.statusCode, 200)
  t.equal(confirmed.headers['cache-control'], 'no-store')
  t.equal((await call('DELETE', url)).statusCode, 200)
  t.equal((await phone.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')

  clock.advance(301_000)
  t.equal((await desk.refresh()).statusCode, 200)
  t.equal((await call('POST', '/auth/logout-others')).statusCode, 401)
})

t.test('a log out of the other devices keeps this one', async (t) => {
  const { desk, phone, call, confirm } = await enter(t)
  await confirm(CODE)
  t.same((await call('POST', '/auth/logout-others')).json(), { revoked: 1 })
  t.equal((await phone.call('/auth/sessions')).json().code, 'FRT_ERR_SESSION_REVOKED')
  t.equal((await desk.refresh()).statusCode, 200)
})

t.test('the code is that of the user, and attempts are limited', async (t) => {
  const asked: string[] = []
  const isCodeOf = (sub: string, code: string) => {
    asked.push(`${sub} ${code}`)
    return false
  }
  const { app, confirm } = await enter(t, { isCodeOf })
  for (let attempt = 0; attempt < 5; attempt++) t.equal((await confirm(`00000${attempt}`)).statusCode, 403)
  t.equal((await confirm(CODE)).statusCode, 429)
  t.same(asked.at(-1), 'user-1 000004')
  t.equal(
    (await app.inject({ method: 'POST', url: '/confirm-code', payload: { code: CODE } })).statusCode,
    401
  )
})

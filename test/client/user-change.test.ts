import t from 'tap'
import { deferred } from '../support/timers.js'
import { jwtOf, tokenFor } from './support/jwt.js'
import { expired, json } from './support/scripted-server.js'
import { openBrowser } from './support/tab.js'

const ADA = { sub: 'ada', sid: 's1' }
const BOB = { sub: 'bob', sid: 's2' }
const bearer = (claims: object) => `Bearer ${jwtOf(claims)}`

t.test('a login of another user in another tab is reported', async (t) => {
  const { open, server, time } = openBrowser(t)
  const [one, two] = [open(), open()]
  server.script('/auth/login', tokenFor(ADA), tokenFor(BOB))
  await time.until(one.auth.login({ sub: 'ada' }))
  await time.settle()
  await time.until(two.auth.login({ sub: 'bob' }))
  await time.settle()
  t.same([one.ends, two.ends], [['user-changed'], ['user-changed']])
  t.match(one.auth.snapshot(), { status: 'authenticated', user: { sub: 'bob' }, reason: 'user-changed' })
})

t.test('a second login in the same tab is reported before login resolves', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth, ends } = open()
  server.script('/auth/login', tokenFor(ADA), tokenFor(BOB))
  await time.until(auth.login({ sub: 'ada' }))
  t.same(ends, [])
  await time.until(auth.login({ sub: 'bob' }))
  t.same(ends, ['user-changed'])
})

t.test('a new login of the same user is not a change of user', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth, ends } = open()
  server.script('/auth/login', tokenFor(ADA), tokenFor({ ...ADA, sid: 's3' }))
  await time.until(auth.login({ n: 1 }))
  await time.until(auth.login({ n: 2 }))
  t.same(ends, [])
  t.match(auth.snapshot(), { user: { sid: 's3' }, reason: null })
})

t.test('a refresh that returns another user is reported, and the other tabs get the token', async (t) => {
  const { open, server, time } = openBrowser(t)
  const [one, two] = [open(), open()]
  server.script('/auth/login', tokenFor(ADA))
  await time.until(one.auth.login({ sub: 'ada' }))
  await time.pass(301_000)
  server.script('/auth/refresh', tokenFor(BOB))
  t.equal(await time.until(one.auth.getAccessToken()), jwtOf(BOB))
  t.same([one.ends, two.ends], [['user-changed'], ['user-changed']])
})

t.test('a call of the first user is not sent again as the second user', async (t) => {
  const { open, server, time } = openBrowser(t)
  const [one, two] = [open(), open()]
  server.script('/auth/login', tokenFor(ADA), tokenFor(BOB))
  await time.until(one.auth.login({ sub: 'ada' }))
  const late = deferred<Response>()
  server.script('/transfer', () => late.promise)
  const call = one.auth.fetch('/transfer', { method: 'POST', body: 'all' })
  await time.settle()
  await time.until(two.auth.login({ sub: 'bob' }))
  late.resolve(expired())
  t.equal((await time.until(call)).status, 401)
  t.same(
    server.callsTo('/transfer').map(({ headers }) => headers.get('authorization')),
    [bearer(ADA)]
  )
})

t.test('a call of the first user that waited for a refresh is sent without a token', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  server.script('/auth/login', tokenFor(ADA))
  await time.until(auth.login({ sub: 'ada' }))
  await time.pass(301_000)
  server.script('/auth/refresh', tokenFor(BOB))
  t.equal((await time.until(auth.fetch('/transfer', { method: 'POST' }))).status, 401)
  t.same(
    server.callsTo('/transfer').map(({ headers }) => headers.get('authorization')),
    [null]
  )
})

t.test('a call that starts before the user is known gets the token of the restored session', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  server.script('/auth/refresh', tokenFor(ADA))
  server.script('/me', () => json(200, {}))
  await time.until(auth.fetch('/me'))
  t.equal(server.callsTo('/me')[0]?.headers.get('authorization'), bearer(ADA))
})

t.test('subjects outside of ASCII are compared', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth, ends } = open()
  server.script('/auth/login', ...['é', 'é', 'è'].map((sub) => tokenFor({ sub })))
  await time.until(auth.login({ n: 1 }))
  await time.until(auth.login({ n: 2 }))
  t.same(ends, [])
  await time.until(auth.login({ n: 3 }))
  t.same(ends, ['user-changed'])
})

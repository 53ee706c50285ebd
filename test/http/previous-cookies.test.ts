import t, { type Test } from 'tap'
import type { CookieOptions } from '../../lib/index.js'
import { Browser } from '../support/browser.js'
import { buildApp } from '../support/build-app.js'
import { openMemoryStore } from '../support/stores.js'

// A team renames or moves the cookie by two deployments: the first one also reads the new cookie, the second one swaps them.

/** The attributes before and after a deployment. */
const MOVES: Record<string, { before: CookieOptions; after: CookieOptions }> = {
  'another name': { before: { name: 'old' }, after: { name: 'new' } },
  'another path': { before: { name: 'rt', path: '/auth' }, after: { name: 'rt', path: '/' } },
  'a domain': { before: {}, after: { name: '__Secure-rt', domain: 'example.com' } },
  'a partition': { before: {}, after: { partitioned: true } },
  'no domain': { before: { name: 'rt', domain: 'example.com' }, after: { name: 'rt' } }
}

/** The attributes that identify a cookie. */
function identityOf({
  name = '__Host-refresh_token',
  path = '/',
  domain,
  partitioned = false
}: CookieOptions) {
  return { name, path, partitioned, ...(domain !== undefined && { domain }) }
}

/** Builds processes of both deployments, which share a store. */
async function deploy(t: Test, { before, after }: { before: CookieOptions; after: CookieOptions }) {
  const under = openMemoryStore()
  const build = async (cookie: CookieOptions, previous: CookieOptions[]) =>
    (await buildApp(t, { under, options: { cookie: { ...cookie, previous: previous.map(identityOf) } } })).app
  return {
    ...under,
    original: await build(before, []),
    first: await build(before, [after]),
    second: await build(after, [before])
  }
}

function keysIn(browser: Browser): string[] {
  return browser.cookies.map(({ name, path }) => `${name} ${path}`)
}

for (const [move, attributes] of Object.entries(MOVES)) {
  const { before, after } = attributes

  t.test(
    `${move}: a user who is logged in stays logged in, and a login or logout deletes the old cookie`,
    async (t) => {
      const { original, second } = await deploy(t, attributes)
      const browser = new Browser(original)
      await browser.post('/auth/login', { sub: 'ada' })
      const moved = browser.visit(second)
      for (let i = 0; i < 3; i++) t.equal((await moved.post('/auth/refresh')).statusCode, 200)
      t.equal(moved.cookies.length, 2, 'a refresh keeps the old cookie, because an old process may read it')

      const login = moved.visit(second)
      t.equal((await login.post('/auth/login', { sub: 'ada' })).statusCode, 200)
      const { name, path } = identityOf(after)
      t.same(keysIn(login), [`${name} ${path}`])

      await moved.post('/auth/logout')
      t.same(moved.cookies, [])
    }
  )

  t.test(`${move}: processes of both deployments serve one browser`, async (t) => {
    const { first, second, advance, settled } = await deploy(t, attributes)
    const browser = new Browser(second)
    await browser.post('/auth/login', { sub: 'ada' })
    let current = browser
    for (const app of [first, second, first, first, second]) {
      current = current.visit(app)
      const response = await current.post('/auth/refresh')
      t.equal(response.statusCode, 200)
      await app.sessions.verify(response.json().access_token)
      await settled()
      await advance(600_000)
    }
    t.equal((await first.sessions.list('ada')).length, 1)
  })

  t.test(`${move}: a dead old cookie does not block the new one`, async (t) => {
    const { original, second } = await deploy(t, { before, after })
    const browser = new Browser(original)
    await browser.post('/auth/login', { sub: 'ada' })
    const stale = browser.visit(second)
    await original.sessions.revokeAll('ada')
    // Another tab has logged in, and its response did not delete the old cookie.
    const { refreshToken } = await second.sessions.create({ sub: 'ada' })
    stale.receive({ cookies: [{ ...identityOf(after), value: refreshToken }] } as never)
    t.equal(stale.cookies.length, 2)
    t.equal((await stale.post('/auth/refresh')).statusCode, 200)
  })
}

t.test('without the option, a renamed cookie is not read', async (t) => {
  const under = openMemoryStore()
  const { app: before } = await buildApp(t, { under, options: { cookie: { name: 'old' } } })
  const { app: after } = await buildApp(t, { under, options: { cookie: { name: 'new' } } })
  const browser = new Browser(before)
  await browser.post('/auth/login', { sub: 'ada' })
  const response = await browser.visit(after).post('/auth/refresh')
  t.equal(response.json().code, 'FRT_ERR_NO_REFRESH_TOKEN')
})

t.test('a login revokes the session of a previous cookie', async (t) => {
  const { original, second } = await deploy(t, { before: { name: 'old' }, after: { name: 'new' } })
  const browser = new Browser(original)
  await browser.post('/auth/login', { sub: 'ada' })
  await browser.visit(second).post('/auth/login', { sub: 'ada' })
  t.equal((await second.sessions.list('ada')).length, 1)
})

t.test('cookies of all names together are limited', async (t) => {
  const previous = [{ name: 'b' }, { name: 'c' }]
  const { app } = await buildApp(t, { options: { cookie: { name: 'a', previous } } })
  const { refreshToken } = await app.sessions.create({ sub: 'ada' })
  const send = (count: number) => {
    const others = Array.from({ length: count }, (_, at) => `${'bc'[at % 2]}=x`)
    const cookie = [...others, `a=${refreshToken}`].join('; ')
    return app.inject({ method: 'POST', url: '/auth/refresh', headers: { cookie } })
  }
  t.equal((await send(6)).statusCode, 200)
  t.equal((await send(7)).statusCode, 401)
})

import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { createAuthFetch } from '../../lib/client/index.js'
import { MemoryStore, fastifyRefreshToken as refreshToken } from '../../lib/index.js'
import type { FastifyRefreshTokenOptions } from '../../types/options.js'
import { SECRET as secret } from '../support/build-app.js'
import { createInjectFetch } from '../support/inject-fetch.js'
import { blocksIn } from './code-blocks/blocks.js'
import { evaluate } from './code-blocks/run.js'

// docs/guides/several-apps.md: two apps on one host, in one browser.

const codes = (await blocksIn('docs/guides/several-apps.md')).map(({ code }) => code)
const blockWith = (text: string) => codes.find((code) => code.includes(text)) ?? ''
const login = () => ({ sub: 'ada' })

async function startApp(t: Test, register: (app: FastifyInstance) => unknown): Promise<FastifyInstance> {
  const app = Fastify()
  t.after(() => app.close())
  await register(app)
  return app
}

const fromPage = (code: string) => (app: FastifyInstance) =>
  evaluate(code, { app, refreshToken, secret, login, redis: undefined })
const withOptions = (options: Partial<FastifyRefreshTokenOptions>) => (app: FastifyInstance) =>
  app.register(refreshToken, { secret, login, ...options })

/** A page of each app, on one host. */
function openPages(apps: readonly [FastifyInstance, string][]) {
  const cookies = new Map<string, string>()
  const pages = apps.map(([app, prefix], i) => {
    const { fetch } = createInjectFetch(app, undefined, cookies)
    const open = () => createAuthFetch({ baseUrl: `https://example.com:${8000 + i}`, prefix, fetch })
    return { open, login: async () => (await open().login({})).status }
  })
  return { cookies, pages: pages as [(typeof pages)[0], (typeof pages)[0]] }
}

t.test('with the settings of the page, both logins last', async (t) => {
  const shop = await startApp(t, fromPage(blockWith("'shop:'")))
  const admin = await startApp(t, fromPage(blockWith("'admin:'")))
  const { cookies, pages } = openPages([
    [shop, '/shop/auth'],
    [admin, '/admin/auth']
  ])
  for (const page of pages) t.equal(await page.login(), 200)
  t.same([...cookies.keys()], ['__Host-shop_token', '__Host-admin_token'])
  const tokens = await Promise.all(pages.map((page) => page.open().getAccessToken()))
  await t.resolves(shop.sessions.verify(tokens[0] ?? ''))
  await t.rejects(shop.sessions.verify(tokens[1] ?? ''), { code: 'FRT_ERR_ACCESS_TOKEN_INVALID' })
})

t.test('with one cookie name, a login in one app logs the user out of the other', async (t) => {
  const { cookies, pages } = openPages([
    [await startApp(t, withOptions({ keyPrefix: 'one:' })), '/auth'],
    [await startApp(t, withOptions({ keyPrefix: 'two:' })), '/auth']
  ])
  for (const page of pages) await page.login()
  t.equal(cookies.size, 1)
  t.equal(await pages[0].open().getAccessToken(), null)
  t.ok(await pages[1].open().getAccessToken())
})

t.test('with the same secret, prefix and store, a login counts for both', async (t) => {
  const store = new MemoryStore()
  const { pages } = openPages([
    [await startApp(t, withOptions({ store })), '/auth'],
    [await startApp(t, withOptions({ store })), '/auth']
  ])
  await pages[0].login()
  t.ok(await pages[1].open().getAccessToken())
  await pages[1].open().logout()
  t.equal(await pages[0].open().getAccessToken(), null)
})

t.test('the path of the cookie is that of the routes', async (t) => {
  const app = await startApp(t, fromPage(blockWith('__Secure-shop_token')))
  const { headers } = await app.inject({ method: 'POST', url: '/shop/auth/login' })
  t.match(headers['set-cookie'], /^__Secure-shop_token=.*Path=\/shop\/auth;/)
})

t.test('a page on another host or port is accepted only if it is listed', async (t) => {
  const app = await startApp(t, fromPage(blockWith('trustedOrigins')))
  const from = async (origin: string) =>
    (await app.inject({ method: 'POST', url: '/auth/login', headers: { host: 'shop.example.com', origin } }))
      .statusCode
  t.equal(await from('https://shop.example.com'), 200)
  t.equal(await from('https://shop.example.com:8443'), 403)
  t.equal(await from('https://staff.example.com'), 403)
  t.equal(await from('https://admin.example.com'), 200)
})

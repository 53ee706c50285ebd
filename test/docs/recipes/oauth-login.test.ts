import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { buildOAuthLogin } from '../../../examples/recipes/oauth-login.js'
import { startOAuthProvider } from '../../../examples/recipes/oauth-provider.js'
import { SECRET } from '../../support/build-app.js'

const ORIGIN = 'https://app.example.com'

async function open(t: Test) {
  const provider = await startOAuthProvider(`${ORIGIN}/login/callback`)
  t.after(() => provider.app.close())
  const app = await buildOAuthLogin({ secret: SECRET, issuer: provider.issuer, origin: ORIGIN })
  t.after(() => app.close())

  /** Sends a browser to the provider, and returns its cookies and the URL of the callback. */
  const begin = async () => {
    const start = await app.inject('/login')
    t.equal(start.statusCode, 302)
    const there = await fetch(String(start.headers.location), { redirect: 'manual' })
    const back = new URL(String(there.headers.get('location')))
    t.equal(back.origin, ORIGIN)
    return { cookie: cookiesOf(start), url: back.pathname + back.search }
  }
  const comeBack = (cookie: string, url: string) => app.inject({ url, headers: { cookie } })
  return { app, provider, begin, comeBack }
}

function cookiesOf({ cookies }: LightMyRequestResponse): string {
  return cookies
    .filter(({ value }) => value !== '')
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')
}

t.test('the callback creates a session, and redirects to a URL without a token', async (t) => {
  const { app, begin, comeBack } = await open(t)
  const { cookie, url } = await begin()
  const response = await comeBack(cookie, url)
  t.equal(response.statusCode, 302)
  t.equal(response.headers.location, '/')

  const tokens = await app.inject({
    method: 'POST',
    url: '/auth/refresh',
    headers: { cookie: cookiesOf(response) }
  })
  const authorization = `Bearer ${tokens.json().access_token}`
  t.match((await app.inject({ url: '/me', headers: { authorization } })).json(), {
    sub: 'provider:1815',
    name: 'Ada'
  })
})

t.test('the callback rejects the code of an attacker in the browser of another user', async (t) => {
  const { begin, comeBack } = await open(t)
  const [attacker, user] = [await begin(), await begin()]
  for (const cookie of [user.cookie, '']) {
    const response = await comeBack(cookie, attacker.url)
    t.equal(response.statusCode, 403)
    t.notOk(response.cookies.some(({ name, value }) => name === '__Host-refresh_token' && value !== ''))
  }
})

t.test('the callback rejects a code without its verifier, and a code that was used before', async (t) => {
  const { begin, comeBack } = await open(t)
  const { cookie, url } = await begin()
  const other = await begin()
  const verifier = /(?:^|; )(__Host-oauth2-code-verifier=[^;]+)/
  const mixed = cookie.replace(verifier.exec(cookie)?.[1] ?? '', verifier.exec(other.cookie)?.[1] ?? '')
  t.not(mixed, cookie)
  t.equal((await comeBack(mixed, url)).statusCode, 403)

  t.equal((await comeBack(other.cookie, other.url)).statusCode, 302)
  t.equal((await comeBack(other.cookie, other.url)).statusCode, 403)
})

t.test('the provider sends a code only to the registered address', async (t) => {
  const { provider } = await open(t)
  const addresses = [
    'https://evil.example/login/callback',
    `${ORIGIN}/login/callback/../..`,
    '//evil.example',
    ''
  ]
  for (const address of addresses) {
    const query = new URLSearchParams({ redirect_uri: address, state: 's' })
    const response = await provider.app.inject(`/authorize?${query}`)
    t.equal(response.statusCode, 400, address)
    t.equal(response.headers.location, undefined, address)
  }
})

import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { buildOAuthLogin } from '../../../examples/recipes/oauth-login.js'
import { startOAuthProvider } from '../../../examples/recipes/oauth-provider.js'
import { SECRET } from '../../support/build-app.js'

const ORIGIN = 'https://app.example.com'

async function open(t: Test) {
  const provider = await startOAuthProvider()
  t.after(() => provider.app.close())
  const app = await buildOAuthLogin({ secret: SECRET, issuer: provider.issuer, origin: ORIGIN })
  t.after(() => app.close())

  /** A browser that was sent to the provider, and from there back with a code. */
  const begin = async () => {
    const start = await app.inject('/login')
    t.equal(start.statusCode, 302)
    const there = await fetch(String(start.headers.location), { redirect: 'manual' })
    const back = new URL(String(there.headers.get('location')))
    t.equal(back.origin, ORIGIN)
    return { cookie: cookiesOf(start), url: back.pathname + back.search }
  }
  const comeBack = (cookie: string, url: string) => app.inject({ url, headers: { cookie } })
  return { app, begin, comeBack }
}

function cookiesOf({ cookies }: LightMyRequestResponse): string {
  return cookies
    .filter(({ value }) => value !== '')
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')
}

t.test(
  'who comes back from the provider is logged in, and sent on without a token in the address',
  async (t) => {
    const { app, begin, comeBack } = await open(t)
    const { cookie, url } = await begin()
    const answer = await comeBack(cookie, url)
    t.equal(answer.statusCode, 302)
    t.equal(answer.headers.location, '/')

    const tokens = await app.inject({
      method: 'POST',
      url: '/auth/refresh',
      headers: { cookie: cookiesOf(answer) }
    })
    const authorization = `Bearer ${tokens.json().access_token}`
    t.match((await app.inject({ url: '/me', headers: { authorization } })).json(), {
      sub: 'provider:1815',
      name: 'Ada'
    })
  }
)

t.test('a victim who is sent to the callback with the code of a thief is not logged in as him', async (t) => {
  const { begin, comeBack } = await open(t)
  const [thief, victim] = [await begin(), await begin()]
  for (const cookie of [victim.cookie, '']) {
    const answer = await comeBack(cookie, thief.url)
    t.equal(answer.statusCode, 403)
    t.notOk(answer.cookies.some(({ name, value }) => name === '__Host-refresh_token' && value !== ''))
  }
})

t.test('a code that was copied is of no use without the verifier in the cookie, nor twice', async (t) => {
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

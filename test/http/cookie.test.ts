import fastifyCookie from '@fastify/cookie'
import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { type CookieOptions, fastifyRefreshToken } from '../../lib/index.js'
import { buildApp, SECRET } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { refreshCookiesIn } from '../support/refresh-cookie.js'

const NAME = '__Host-refresh_token'
const MINUTE = 60_000
const TWO_WEEKS = 14 * 24 * 60 * 60

/** Returns a token of another server. Only its MAC is invalid here. */
async function tokenOfAnotherServer(): Promise<string> {
  const app = Fastify()
  await app.register(fastifyRefreshToken, {
    secret: 'the secret of another server, as long',
    login: () => null
  })
  const { refreshToken } = await app.sessions.create({ sub: 'mallory' })
  await app.close()
  return refreshToken
}

async function loggedIn(app: FastifyInstance, sub = 'ada'): Promise<Client> {
  const client = new Client(app)
  await client.login({ sub })
  return client
}

function post(app: FastifyInstance, path: string, cookie: string): Promise<LightMyRequestResponse> {
  return app.inject({ method: 'POST', url: `/auth${path}`, headers: { cookie } })
}

function tokenIn(response: LightMyRequestResponse): string | undefined {
  return response.cookies.find(({ name }) => name === NAME)?.value
}

async function genOf(app: FastifyInstance, sub: string): Promise<number | undefined> {
  return (await app.sessions.list(sub))[0]?.gen
}

const CONFIGURED: [attributes: string[], cookie: CookieOptions | undefined][] = [
  [[`Max-Age=${TWO_WEEKS}`, 'Path=/', 'HttpOnly', 'Secure', 'SameSite=Strict'], undefined],
  [
    [`Max-Age=${TWO_WEEKS}`, 'Domain=example.com', 'Path=/auth', 'HttpOnly', 'Secure', 'SameSite=Lax'],
    { name: '__Secure-rt', domain: 'example.com', path: '/auth', sameSite: 'lax' }
  ],
  [[`Max-Age=${TWO_WEEKS}`, 'Path=/', 'HttpOnly', 'SameSite=Strict'], { name: 'rt', secure: false }],
  [
    [`Max-Age=${TWO_WEEKS}`, 'Path=/', 'HttpOnly', 'Secure', 'Partitioned', 'SameSite=None'],
    { name: '__Host-partitioned', sameSite: 'none', partitioned: true }
  ],
  [
    [`Max-Age=${TWO_WEEKS}`, 'Path=/', 'HttpOnly', 'Secure', 'SameSite=None'],
    { name: 'X-REFRESH_TOKEN', sameSite: 'none' }
  ]
]

for (const [attributes, cookie] of CONFIGURED) {
  const name = cookie?.name ?? NAME
  t.test(`the cookie ${name} is set and deleted with the configured attributes`, async (t) => {
    const { app } = await buildApp(t, { options: cookie ? { cookie } : {} })
    const client = new Client(app, { tokenName: name })
    for (const response of [await client.login(), await client.refresh()]) {
      const [pair, ...actual] = String(response.headers['set-cookie']).split('; ')
      t.match(pair, new RegExp(`^${name}=[\\w-]{92}$`))
      t.same(actual.sort(), ['Priority=High', ...attributes].toSorted())
    }
    const cleared = String((await client.logout()).headers['set-cookie']).split('; ')
    t.equal(cleared[0], `${name}=`)
    t.same(
      cleared.slice(1).sort(),
      [
        ...['Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'Max-Age=0', 'Priority=High'],
        ...attributes.filter((attribute) => !attribute.startsWith('Max-Age'))
      ].toSorted()
    )
  })
}

t.test('cookies with an invalid MAC are ignored', async (t) => {
  const { app } = await buildApp(t)
  const { jar } = await loggedIn(app)
  const cookie = `${NAME}=malformed; ${NAME}=${await tokenOfAnotherServer()}; ${NAME}=${jar.refreshToken}; ${NAME}=`
  const response = await post(app, '/refresh', cookie)
  t.equal(response.statusCode, 200)
  t.equal(await genOf(app, 'ada'), 2)
})

t.test('the newest token of a session counts, at each position', async (t) => {
  const { app, settled, advance } = await buildApp(t)
  const client = await loggedIn(app)
  const tokens = [client.jar.refreshToken]
  for (let i = 0; i < 2; i++) {
    await client.refresh()
    await client.call()
    await settled()
    await advance(10 * MINUTE)
    tokens.push(client.jar.refreshToken)
  }
  const [first, second, third] = tokens
  for (const order of [
    [first, second, third],
    [third, second, first],
    [second, third, first]
  ]) {
    const cookie = order.map((token) => `${NAME}=${token}`).join('; ')
    t.equal((await post(app, '/refresh', cookie)).statusCode, 200, 'no retired one was used')
  }
  t.equal((await app.sessions.list('ada')).length, 1)
})

t.test('a refresh with tokens of two sessions is rejected and changes neither', async (t) => {
  const { app, rawLogs } = await buildApp(t)
  const own = await loggedIn(app, 'ada')
  const tossed = await loggedIn(app, 'mallory')
  const both = `${NAME}=${tossed.jar.refreshToken}; ${NAME}=${own.jar.refreshToken}`
  const response = await post(app, '/refresh', both)
  t.equal(response.statusCode, 401)
  t.equal(response.json().code, 'FRT_ERR_REFRESH_TOKEN_INVALID')
  t.same(refreshCookiesIn(response), [])
  t.equal(await genOf(app, 'ada'), 1)
  t.equal(await genOf(app, 'mallory'), 1)
  t.equal((await own.refresh()).statusCode, 200)
  t.equal((await tossed.refresh()).statusCode, 200)
  t.notMatch(rawLogs(), own.jar.refreshToken)
})

t.test('a logout revokes the sessions of all cookies', async (t) => {
  const { app } = await buildApp(t)
  const one = await loggedIn(app, 'ada')
  const two = await loggedIn(app, 'grace')
  const all = `${NAME}=${one.jar.refreshToken}; ${NAME}=malformed; ${NAME}=${two.jar.refreshToken}`
  t.equal((await post(app, '/logout', all)).statusCode, 200)
  t.equal((await one.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
  t.equal((await two.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
})

t.test('a login revokes the sessions of all cookies', async (t) => {
  const { app } = await buildApp(t)
  const one = await loggedIn(app, 'ada')
  const two = await loggedIn(app, 'grace')
  const response = await app.inject({
    method: 'POST',
    url: '/auth/login',
    headers: { cookie: `${NAME}=${one.jar.refreshToken}; ${NAME}=${two.jar.refreshToken}` },
    payload: { sub: 'ada' }
  })
  t.equal(response.statusCode, 200)
  t.equal((await one.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
  t.equal((await two.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
  t.equal((await post(app, '/refresh', `${NAME}=${tokenIn(response)}`)).statusCode, 200)
})

t.test(
  'another space character before the name makes a different name, which __Host- does not protect',
  async (t) => {
    const { app } = await buildApp(t)
    const { jar } = await loggedIn(app)
    for (const space of ['\u00a0', '\u000b', '\u000c']) {
      const response = await post(app, '/refresh', `${space}${NAME}=${jar.refreshToken}`)
      t.equal(response.json().code, 'FRT_ERR_NO_REFRESH_TOKEN')
    }
  }
)

t.test('white space and other cookies in the header are ignored', async (t) => {
  const { app } = await buildApp(t)
  const spell: ((token: string) => string)[] = [
    (token) => `  ${NAME}=${token}  `,
    (token) => `${NAME} = ${token}`,
    (token) => `a=1;${NAME}=${token};b=2`,
    (token) => `;; ${NAME}=${token};`,
    (token) => `a; ${NAME}=${token}; =b`,
    (token) => `a="x; ${NAME}=${token}; y"`
  ]
  for (const each of spell) {
    const { jar } = await loggedIn(app)
    const cookie = each(jar.refreshToken ?? '')
    t.equal((await post(app, '/refresh', cookie)).statusCode, 200, cookie.replaceAll(/[\w-]{92}/g, '…'))
  }
})

t.test(
  'a value in quotes is another value (RFC 6265, section 5.2), and does not hide a valid one',
  async (t) => {
    const { app } = await buildApp(t)
    const { jar } = await loggedIn(app)
    const quoted = `${NAME}="${jar.refreshToken}"`
    t.equal((await post(app, '/refresh', quoted)).json().code, 'FRT_ERR_REFRESH_TOKEN_INVALID')
    t.equal(await genOf(app, 'ada'), 1)
    t.equal((await post(app, '/refresh', `${quoted}; ${NAME}=${jar.refreshToken}`)).statusCode, 200)
  }
)

t.test('a similar name is another cookie', async (t) => {
  const { app } = await buildApp(t)
  const { jar } = await loggedIn(app)
  for (const name of [NAME.toLowerCase(), `x${NAME}`, `${NAME}x`, 'refresh_token']) {
    const response = await post(app, '/refresh', `${name}=${jar.refreshToken}`)
    t.equal(response.json().code, 'FRT_ERR_NO_REFRESH_TOKEN', name)
  }
})

/** The ways to register @fastify/cookie in an app. */
const REGISTRATIONS: [name: string, register: { before?: object; after?: object }][] = [
  ['before', { before: {} }],
  ['before, signed', { before: { secret: 'a secret of the app for its own cookies' } }],
  [
    'before, with attributes of its own for all of its cookies',
    { before: { parseOptions: { domain: 'app.example.com', path: '/app', sameSite: 'lax', maxAge: 5 } } }
  ],
  [
    'before, with an encoding of its own',
    {
      before: {
        parseOptions: {
          encode: (value: string) => `~${value}`,
          decode: (value: string) => value.replace(/^~/, '').toUpperCase()
        }
      }
    }
  ],
  ['before, without parsing', { before: { hook: false } }],
  ['before, parsing late', { before: { hook: 'preHandler' } }],
  ['after', { after: {} }]
]

for (const [name, { before, after }] of REGISTRATIONS) {
  t.test(`an app that registers @fastify/cookie ${name} and the plugin keep their cookies`, async (t) => {
    const { app } = await buildApp(t, {
      async prepare(app) {
        if (before) await app.register(fastifyCookie, before)
      },
      options: {
        login(_request, reply) {
          reply.setCookie('theme', 'dark', { path: '/' })
          reply.setCookie('lang', 'en', { path: '/' })
          return { sub: 'ada' }
        },
        routes: {
          refresh: {
            preHandler: async (_request, reply) => {
              reply.setCookie('seen', 'yes', { path: '/' })
            }
          }
        }
      },
      async extend(app) {
        if (after) await app.register(fastifyCookie, after)
        app.get('/own', async (request, reply) => {
          reply.setCookie('own', 'value')
          return { cookies: request.cookies }
        })
      }
    })
    const client = new Client(app)

    const login = await client.login()
    t.equal(login.statusCode, 200)
    t.same(login.cookies.map((cookie) => cookie.name).sort(), [NAME, 'lang', 'theme'])
    t.match(
      login.cookies.find((cookie) => cookie.name === NAME),
      { path: '/', httpOnly: true, secure: true, sameSite: 'Strict', maxAge: TWO_WEEKS }
    )
    t.equal(login.cookies.find((cookie) => cookie.name === NAME)?.domain, undefined)

    const refreshed = await client.refresh()
    t.equal(refreshed.statusCode, 200)
    t.same(refreshed.cookies.map((cookie) => cookie.name).sort(), [NAME, 'seen'])
    t.equal((await client.logout()).statusCode, 200)
    t.same(await app.sessions.list('ada'), [])

    const own = await app.inject({ url: '/own', headers: { cookie: 'a=b' } })
    t.match(own.cookies, [{ name: 'own' }])
  })
}

t.test('the plugin does not register @fastify/cookie for the app', async (t) => {
  const { app } = await buildApp(t)
  t.notOk(app.hasReplyDecorator('setCookie'))
  t.notOk(app.hasRequestDecorator('cookies'))
  t.notOk(app.hasDecorator('serializeCookie'))
})

t.test('a Set-Cookie header of a hook of the app is kept', async (t) => {
  const { app } = await buildApp(t, {
    prepare(app) {
      app.addHook('onRequest', async (_request, reply) => {
        reply.header('set-cookie', 'first=1')
      })
    },
    extend(app) {
      app.addHook('onSend', async (_request, reply) => {
        reply.header('set-cookie', 'last=1')
      })
    }
  })
  const client = new Client(app)
  for (const response of [await client.login(), await client.refresh(), await client.logout()]) {
    t.same(response.cookies.map(({ name }) => name).sort(), [NAME, 'first', 'last'])
  }
})

for (const domain of ['example.com.', 'example..com', '-a.com', `${'a'.repeat(64)}.com`]) {
  t.test(`a cookie domain that cannot be serialized rejects the registration: ${domain}`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    const cookie = { name: '__Secure-rt', domain }
    const register = async () =>
      app.register(fastifyRefreshToken, { secret: SECRET, login: () => null, cookie })
    await t.rejects(register(), {
      code: 'FRT_ERR_INVALID_OPTION',
      message: /^option "cookie\.domain" must be /
    })
  })
}

t.test("a cookie that the application's own serializer rejects rejects the registration", async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.decorate('serializeCookie', () => {
    throw new TypeError('cookie path is invalid: /')
  })
  await t.rejects(async () => app.register(fastifyRefreshToken, { secret: SECRET, login: () => null }), {
    code: 'FRT_ERR_INVALID_OPTION',
    message: 'option "cookie" cannot be serialized: cookie path is invalid: /'
  })
})

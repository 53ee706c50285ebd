import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { FastifyRefreshTokenOptions } from '../../lib/index.js'
import { type AppUnderTest, buildApp } from '../support/build-app.js'
import { Client } from '../support/client.js'

/** Results of a JavaScript function that no type allows, and how the log names them. */
const WRONG: [result: unknown, kind: string][] = [
  [1, 'a number'],
  [{ id: 1 }, 'an object'],
  [[], 'an array'],
  [() => true, 'a function']
]

/** Builds an app with options that a JavaScript application may pass. */
async function build(t: Test, options: object) {
  const built = await buildApp(t, { options: options as Partial<FastifyRefreshTokenOptions> })
  const client = new Client(built.app)
  await client.login({ sub: 'ada', claims: { roles: ['admin'] } })
  return { ...built, client }
}

/** Asserts that a response is the 500, and that the log names the callback and what it returned. */
function isRefused(
  t: Test,
  { logs }: Pick<AppUnderTest, 'logs'>,
  response: { statusCode: number; json(): unknown },
  cause: string
): void {
  t.equal(response.statusCode, 500)
  t.match(response.json(), {
    code: 'FRT_ERR_INVALID_CALLBACK_RESULT',
    message: 'A function of the application returned an invalid result'
  })
  const line = logs.findLast(({ err }) => err !== undefined)
  t.match(JSON.stringify(line), JSON.stringify(cause).slice(1, -1))
}

const ROWS = [
  [{ id: 7, roles: [] }, 'unknown property "session.load().id", the only property is claims'],
  [{ claims: {}, id: 7 }, 'unknown property "session.load().id", the only property is claims'],
  [true, 'session.load() must return an object with claims, or null, but returned a boolean'],
  ['x', 'session.load() must return an object with claims, or null, but returned a string'],
  [[], 'session.load() must return an object with claims, or null, but returned an array'],
  [new Map(), 'session.load() must return an object with claims, or null, but returned an object'],
  [{ claims: null }, 'session.load().claims must be an object'],
  [{ claims: 'admin' }, 'session.load().claims must be an object'],
  [{ claims: false }, 'session.load().claims must be an object']
] as const

for (const [result, cause] of ROWS) {
  t.test(`session.load that returns ${JSON.stringify(result)} causes 500 and rotates nothing`, async (t) => {
    const { app, client, logs } = await build(t, { session: { load: async () => result } })
    const response = await client.refresh()
    t.equal(response.statusCode, 500)
    t.equal(response.json().code, 'FRT_ERR_INVALID_IDENTITY')
    t.match(JSON.stringify(logs), JSON.stringify(cause).slice(1, -1))
    t.match(await app.sessions.list('ada'), [{ gen: 1 }], 'neither rotated nor revoked')
  })
}

for (const [result, claims] of [
  [{}, ['admin']],
  [Object.create(null), ['admin']],
  [{ claims: undefined }, ['admin']],
  [Object.create({ claims: { roles: ['reader'] } }), ['reader']],
  [{ claims: { roles: [] } }, []]
] as const) {
  t.test(`session.load may return ${JSON.stringify(result)} with roles ${claims}`, async (t) => {
    const { client } = await build(t, { session: { load: () => result } })
    t.equal((await client.refresh()).statusCode, 200)
    t.strictSame((await client.call()).json().roles, claims)
  })
}

for (const [result, kind] of [...WRONG, [undefined, 'undefined'], [null, 'null'], ['no', 'a string']]) {
  t.test(`allowReplay that returns ${kind} causes 500 and does not revoke the session`, async (t) => {
    let answer = result
    const built = await build(t, { refreshToken: { allowReplay: async () => answer } })
    const { app, client } = built
    await client.loseResponse()
    const cause = `option "refreshToken.allowReplay" must return true or false, but returned ${kind}`
    isRefused(t, built, await client.loseResponse(), cause)
    t.match(await app.sessions.list('ada'), [{ gen: 2 }])
    answer = true
    t.equal((await client.refresh()).statusCode, 200, 'the retired token is still accepted')
  })
}

for (const [result, kind] of [...WRONG, [false, 'a boolean'], [Promise.resolve('x'), 'a promise']]) {
  t.test(`accessToken.read that returns ${kind} causes 500 at each route that reads it`, async (t) => {
    let answer: unknown
    const built = await build(t, { accessToken: { read: () => answer } })
    const { app, client } = built
    answer = result
    const cause = `option "accessToken.read" must return a string, null or undefined, but returned ${kind}`
    isRefused(t, built, await client.call(), cause)
    isRefused(t, built, await client.logout(), cause)
    isRefused(t, built, await app.inject('/auth/sessions'), cause)
    t.equal((await app.sessions.list('ada')).length, 1)
  })
}

for (const none of [undefined, null, '']) {
  t.test(`accessToken.read that returns ${JSON.stringify(none)} leaves the header`, async (t) => {
    const { client } = await build(t, { accessToken: { read: () => none } })
    t.equal((await client.call()).statusCode, 200)
  })
}

for (const [result, kind] of [...WRONG, [undefined, 'undefined'], ['yes', 'a string']]) {
  t.test(`confirms that returns ${kind} causes 500`, async (t) => {
    const built = await build(t, { refreshToken: { confirms: async () => result } })
    const cause = `option "refreshToken.confirms" must return true or false, but returned ${kind}`
    isRefused(t, built, await built.client.call(), cause)
  })
}

for (const [result, kind] of [...WRONG, ['yes', 'a string']]) {
  t.test(`a function of authorize() that returns ${kind} causes 500`, async (t) => {
    const built = await buildApp(t, {
      extend(app) {
        const isAdmin = app.authorize((() => result) as () => boolean)
        app.get('/admin', { preHandler: [app.authenticate, isAdmin] }, async () => 'secret')
      }
    })
    const client = new Client(built.app)
    await client.login()
    const cause = `the function of authorize() must return true or false, but returned ${kind}`
    isRefused(t, built, await client.call('/admin'), cause)
  })
}

for (const [result, kind] of [...WRONG, [undefined, 'undefined'], ['cookies', 'a string']]) {
  t.test(`a transport function that returns ${kind} causes 500 and changes nothing`, async (t) => {
    let answer: unknown = 'cookie'
    const built = await build(t, { transport: () => answer })
    const { app, client } = built
    answer = result
    const cause = `option "transport" must return 'cookie' or 'body' or 'header', but returned ${kind}`
    for (const path of ['/login', '/refresh', '/logout']) {
      isRefused(t, built, await client.post(path, { sub: 'ada' }), cause)
    }
    t.match(await app.sessions.list('ada'), [{ gen: 1 }])
  })
}

for (const [result, kind] of [
  [undefined, 'an object'],
  [[], 'an object'],
  [Promise.resolve({}), 'not a promise']
]) {
  t.test(`session.metadata that returns ${JSON.stringify(result)} causes 500 and no session`, async (t) => {
    const { app, logs } = await buildApp(t, { options: { session: { metadata: () => result as never } } })
    const response = await new Client(app).login()
    t.equal(response.json().code, 'FRT_ERR_INVALID_IDENTITY')
    t.match(JSON.stringify(logs), `session.metadata() must be`)
    t.match(JSON.stringify(logs), kind)
    t.strictSame(await app.sessions.list('ada'), [])
  })
}

/** Options whose functions must not be asynchronous, and a request that calls them. */
const SYNCHRONOUS: [name: string, options: (reject: () => Promise<never>) => object, path: string][] = [
  ['accessToken.read', (read) => ({ accessToken: { read } }), '/logout'],
  ['csrf.trustedOrigins', (trustedOrigins) => ({ csrf: { trustedOrigins } }), '/login'],
  ['transport', (transport) => ({ transport }), '/refresh'],
  ['accessToken.clientId', (clientId) => ({ accessToken: { clientId } }), '/login'],
  ['session.metadata', (metadata) => ({ session: { metadata } }), '/login']
]

for (const [name, optionsWith, path] of SYNCHRONOUS) {
  t.test(`${name} that is asynchronous and rejects causes only a 500`, async (t) => {
    const options = optionsWith(async () => {
      throw new Error('rejected by the application')
    })
    const { app } = await buildApp(t, { options: options as Partial<FastifyRefreshTokenOptions> })
    const unhandled: unknown[] = []
    const onUnhandled = (reason: unknown) => void unhandled.push(reason)
    process.on('unhandledRejection', onUnhandled)
    t.teardown(() => process.off('unhandledRejection', onUnhandled))
    const headers = { origin: 'https://other.example', 'sec-fetch-site': 'cross-site' }
    const response = await app.inject({
      method: 'POST',
      url: `/auth${path}`,
      payload: { sub: 'ada' },
      headers: name === 'csrf.trustedOrigins' ? headers : {}
    })
    t.equal(response.statusCode, 500)
    // Node.js reports an unhandled rejection after all microtasks.
    await setImmediate()
    t.strictSame(unhandled, [])
  })
}

t.test('the log does not contain a token that a callback returned in an object', async (t) => {
  const built = await build(t, { accessToken: { read: () => ({ valid: true, value: 'eyJ-secret-token' }) } })
  t.equal((await built.client.call()).statusCode, 500)
  t.notMatch(built.rawLogs(), 'eyJ-secret-token')
})

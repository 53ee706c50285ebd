import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import type { SessionStore, Transport } from '../../lib/index.js'
import { deriveKeys } from '../../lib/tokens/keys/derived-keys.js'
import { type AppUnderTest, buildApp, DOWN, overriding, SECRET } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { openMemoryStore } from '../support/stores.js'

const MINUTE = 60_000
const WARN = 40
const ERROR = 50
/** Shorter parts of a token are not recognizable. */
const PART_LENGTH = 16

interface Line {
  level: number
  msg: string
  sid?: string
  sub?: string
  event?: string
  reqId?: string
  err?: { message: string; stack: string; code?: string; command?: unknown }
}

/** Builds an app that logs everything. The calls in `broken` of its store fail. */
async function buildLoggingApp(t: Test, transport: Transport = 'cookie') {
  const broken: Partial<SessionStore> = {}
  const hooks: { fail: boolean } = { fail: false }
  const hook = (name: string) => () => {
    if (hooks.fail) throw new Error(`${name} failed`)
  }
  const later = (name: string) => async () => hook(name)()
  const built = await buildApp(t, {
    under: overriding(openMemoryStore(), broken),
    prepare(app) {
      app.log.level = 'trace'
    },
    options: {
      transport,
      onLogin: hook('onLogin'),
      onRefresh: later('onRefresh'),
      onLogout: hook('onLogout'),
      onReuse: later('onReuse')
    }
  })
  return { ...built, broken, hooks }
}

function linesOf({ logs }: Pick<AppUnderTest, 'logs'>, atLeast: number): Line[] {
  return (logs as unknown as Line[]).filter(({ level }) => level >= atLeast)
}

/** Asserts that the log contains no encoding of a secret. */
function containsNone(t: Test, log: string, secrets: ReadonlyMap<string, string>): void {
  for (const [secret, what] of secrets) {
    const pieces = Array.from({ length: Math.max(1, secret.length - PART_LENGTH + 1) }, (_, at) =>
      secret.slice(at, at + PART_LENGTH)
    )
    t.notOk(
      pieces.find((piece) => log.includes(piece)),
      `no piece of ${what}`
    )
  }
}

function encodings(bytes: Buffer): string[] {
  return [bytes.toString('base64url'), bytes.toString('base64'), bytes.toString('hex'), bytes.join(',')]
}

for (const transport of ['cookie', 'body', 'header'] as const) {
  t.test(`no log line contains a token or a key, with transport ${transport}`, async (t) => {
    const built = await buildLoggingApp(t, transport)
    const { app, advance, settled, broken, hooks, rawLogs } = built
    const secrets = new Map<string, string>([[SECRET, 'the secret']])
    for (const { refreshToken, accessToken } of deriveKeys([Buffer.from(SECRET)], 'frt:')) {
      for (const text of encodings(refreshToken.export())) secrets.set(text, 'the key of refresh tokens')
      for (const text of encodings(accessToken)) secrets.set(text, 'the key of access tokens')
    }
    const learn = ({ jar }: Client) => {
      const { refreshToken = '', accessToken = '' } = jar
      secrets.set(refreshToken, 'a refresh token')
      secrets.set(accessToken, 'an access token')
      for (const text of encodings(Buffer.from(refreshToken, 'base64url').subarray(11, 27))) {
        secrets.set(text, 'a family secret')
      }
    }
    const client = new Client(app, { transport })

    // Login, refresh, malformed tokens.
    await client.login({ sub: 'ada' })
    learn(client)
    const stolen = client.copy()
    await client.refresh()
    learn(client)
    await client.call()
    await settled()
    const damaged = client.copy()
    damaged.jar.refreshToken = `${damaged.jar.refreshToken?.slice(0, -2)}zz`
    damaged.jar.accessToken = `${damaged.jar.accessToken?.slice(0, -2)}zz`
    await damaged.refresh()
    await damaged.call()
    await damaged.logout()
    const { refreshToken = '' } = client.jar
    const json = { 'content-type': 'application/json' }
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const post = (headers: Record<string, string>, payload = '') =>
      app.inject({ method: 'POST', url: '/auth/refresh', headers, payload })
    await post(json, `{"refresh_token":"${refreshToken}"`)
    await post(json, `{"refresh_token":"${refreshToken}","__proto__":{}}`)
    await post(form, `refresh_token=${refreshToken}`)
    await post(form, `grant_type=refresh_token&refresh_token=${refreshToken}x`)
    await post({ 'content-type': 'text/plain' }, refreshToken)
    await post({ 'sec-fetch-site': 'cross-site', cookie: `__Host-refresh_token=${refreshToken}` })
    await app.inject({ url: '/me', headers: { authorization: `Bearer ${refreshToken}` } })
    await app.inject({ url: '/me', headers: { authorization: `Bearer ${client.jar.accessToken}x` } })

    // Reuse, and a hook that throws.
    hooks.fail = true
    await advance(2 * MINUTE)
    t.equal((await stolen.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
    await client.refresh()
    await client.call()

    // Hooks that throw, a store that fails, and a logout.
    await client.login({ sub: 'ada' })
    learn(client)
    await client.refresh()
    learn(client)
    Object.assign(broken, failingWith(client))
    t.equal((await client.refresh()).statusCode, 503)
    t.equal((await client.logout()).statusCode, 503)
    t.equal((await client.login({ sub: 'ada' })).statusCode, 503)
    for (const name of Object.keys(broken)) Reflect.deleteProperty(broken, name)
    await client.logout()

    containsNone(t, rawLogs(), secrets)
    t.ok(linesOf(built, ERROR).length >= 4, 'the errors are logged')
  })
}

/** Returns a store that fails with an error like ioredis, which contains the command. */
function failingWith({ jar }: Client): SessionStore {
  const fail = async (): Promise<never> => {
    throw Object.assign(new Error("READONLY You can't write against a read only replica."), {
      name: 'ReplyError',
      command: {
        name: 'evalsha',
        args: ['0123456789', '2', `frt:{x}:s:${jar.refreshToken}`, jar.accessToken, SECRET, 'ada@example.com']
      },
      previousErrors: [new Error(`near ${jar.refreshToken}`)]
    })
  }
  const methods = Object.keys(DOWN).map((name) => [name, fail])
  return Object.fromEntries(methods) as SessionStore
}

t.test('a store failure is logged with its reason, and without the command', async (t) => {
  const built = await buildLoggingApp(t)
  const client = new Client(built.app)
  await client.login({ sub: 'ada' })
  Object.assign(built.broken, failingWith(client))
  t.equal((await client.refresh()).statusCode, 503)

  const [outage, line, ...others] = linesOf(built, WARN)
  t.same(others, [], 'once')
  t.match(outage, { level: WARN, event: 'store_unavailable', operation: 'rotate', reason: /^READONLY/ })
  t.equal(line?.level, ERROR)
  t.equal(line?.err?.code, 'FRT_ERR_STORE_UNAVAILABLE')
  t.match(line?.err?.stack, /READONLY You can't write against a read only replica/)
  t.type(line?.reqId, 'string')
  const log = built.rawLogs()
  for (const argument of ['evalsha', '0123456789', 'ada@example.com', 'previousErrors']) {
    t.notOk(log.includes(argument), argument)
  }
})

t.test('an error reporter of the app does not receive the command', async (t) => {
  const reports: string[] = []
  const broken: Partial<SessionStore> = {}
  const { app } = await buildApp(t, {
    under: overriding(openMemoryStore(), broken),
    prepare(app) {
      app.setErrorHandler((error: Error, _request, reply) => {
        reports.push(inspect(error, { depth: 10, showHidden: true }))
        reply.code(500).send()
      })
    }
  })
  const client = new Client(app)
  await client.login({ sub: 'ada' })
  Object.assign(broken, failingWith(client))
  await client.refresh()
  t.equal(reports.length, 1)
  t.match(reports[0], /READONLY/)
  for (const argument of ['evalsha', 'ada@example.com', SECRET, client.jar.refreshToken ?? '']) {
    t.notOk(reports[0]?.includes(argument), argument)
  }
})

t.test('reuse is one warning with the ids of session and user', async (t) => {
  const built = await buildLoggingApp(t)
  const { app, advance, settled } = built
  const client = new Client(app)
  await client.login({ sub: 'ada' })
  const [session] = await app.sessions.list('ada')
  const stolen = client.copy()
  await client.refresh()
  await client.call()
  await settled()
  await advance(2 * MINUTE)

  t.same(linesOf(built, WARN), [], 'no warning before the reuse')
  for (let i = 0; i < 3; i++) {
    t.equal((await stolen.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
  }
  t.equal((await client.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
  const lines = linesOf(built, WARN)
  t.equal(lines.length, 1)
  t.match(lines, [
    { level: WARN, sid: session?.sid, sub: 'ada', event: 'refresh_token_reused', reqId: String }
  ])
})

t.test('client errors are not warnings', async (t) => {
  const built = await buildLoggingApp(t)
  const { app } = built
  const client = new Client(app)
  await client.login({ sub: 'ada' })
  await client.login({})
  await app.inject('/me')
  await app.inject({ url: '/me', headers: { authorization: 'Bearer x' } })
  await app.inject({ method: 'POST', url: '/auth/refresh' })
  await app.inject({ method: 'POST', url: '/auth/refresh', headers: { cookie: '__Host-refresh_token=x' } })
  await app.inject({ method: 'POST', url: '/auth/refresh', headers: { origin: 'https://evil.example' } })
  await app.inject({ method: 'POST', url: '/auth/logout' })
  t.same(linesOf(built, WARN), [])
})

t.test('a hook that throws is logged with the session and does not change the response', async (t) => {
  const built = await buildLoggingApp(t)
  const { app, advance, settled, hooks } = built
  hooks.fail = true
  const client = new Client(app)
  t.equal((await client.login({ sub: 'ada' })).statusCode, 200)
  const [session] = await app.sessions.list('ada')
  const stolen = client.copy()
  t.equal((await client.refresh()).statusCode, 200)
  await client.call()
  await settled()
  await advance(2 * MINUTE)
  t.equal((await stolen.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
  t.equal((await client.login({ sub: 'ada' })).statusCode, 200)
  t.equal((await client.logout()).statusCode, 200)

  const failed = linesOf(built, ERROR)
  t.same(
    failed.map(({ err }) => err?.message),
    ['onLogin', 'onRefresh', 'onReuse', 'onLogin', 'onLogout'].map((name) => `${name} failed`)
  )
  t.same(
    failed.slice(0, 3).map(({ sid }) => sid),
    Array(3).fill(session?.sid)
  )
})

for (const [title, warnings, expected] of [
  [
    'warnings of a store are logged at the start',
    async () => ['sessions may be lost'],
    ['sessions may be lost']
  ],
  ['a store that cannot read its settings is no outage', () => Promise.reject(new Error('not permitted')), []]
] as const) {
  t.test(title, async (t) => {
    const under = overriding(openMemoryStore(), { warnings: warnings as () => Promise<string[]> })
    const { logs } = await buildApp(t, { under })
    await new Promise((resolve) => setImmediate(resolve))
    const linesOf = (name: string) => logs.filter(({ event }) => event === name).map(({ msg }) => msg)
    t.same(linesOf('store_settings'), expected)
    t.same(linesOf('store_unavailable'), [])
  })
}

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { createDemo } from '../../../examples/demo/app.js'
import { settings } from '../../../examples/demo/settings.js'
import { errorCodes } from '../../../lib/index.js'
import { listen, SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { createKey } from '../../support/proofs.js'
import { openMemoryStore } from '../../support/stores.js'

const ADA = { username: 'ada', password: 'analytical engine' }
const GRACE = { username: 'grace', password: 'nanoseconds' }
const IMPORTS = /^(?:import|export) [^']*? from '(\.[^']+)'/gm
const LINKS = /\s(?:src|href)="(\/[^"]*)"/g
const COOLDOWN_MS = 3 * settings.graceMs + 1000

async function openDemo(t: Test) {
  const under = openMemoryStore()
  under.clock.mockDate(t)
  const app = await createDemo({ secret: SECRET, store: under.store, logLevel: 'silent' })
  t.after(() => app.close())
  return { ...under, app }
}

/** The demo with a user who is logged in, and a reader of the history of the session. */
async function enter(t: Test) {
  const demo = await openDemo(t)
  const client = await createSession(demo.app, 'user-1')
  return { ...demo, client, ...historyReader(client, await historyKeyOf(client)) }
}

/** Creates a session without a password, because hashing takes time. */
async function createSession(app: Client['app'], sub: string): Promise<Client> {
  const { accessToken, refreshToken } = await app.sessions.create({ sub })
  const client = new Client(app)
  Object.assign(client.jar, { accessToken, refreshToken })
  return client
}

async function historyKeyOf(client: Client): Promise<string> {
  return (await postDemo(client, '/watch')).json().historyKey
}

/** Sends a guarded request to a route of the demo with the cookie, like a browser. */
function postDemo({ app, jar }: Client, path: string) {
  const headers: Record<string, string> = { authorization: `Bearer ${jar.accessToken}` }
  if (jar.refreshToken !== undefined) headers.cookie = `another=1; __Host-refresh_token=${jar.refreshToken}`
  return app.inject({ method: 'POST', url: `/demo${path}`, headers })
}

function historyReader({ app }: Client, historyKey: string) {
  const read = async () =>
    (await app.inject({ url: '/demo/history', headers: { 'x-demo-history-key': historyKey } })).json()
  const events = async () => {
    const { events } = (await read()) as { events: { type: string; gen: number }[] }
    return events.map(({ type, gen }) => `${type} ${gen}`)
  }
  return { read, events }
}

t.test('the page', async (t) => {
  const { app } = await openDemo(t)

  t.test('loads nothing from another origin', async (t) => {
    const { headers, body } = await app.inject('/')
    t.match(headers['content-type'], /^text\/html/)
    const policy = new Map(
      String(headers['content-security-policy'])
        .split('; ')
        .map((directive): [string, string] => {
          const [name = '', ...values] = directive.split(' ')
          return [name, values.join(' ')]
        })
    )
    t.equal(policy.get('default-src'), "'none'")
    for (const name of ['script-src', 'style-src', 'connect-src']) t.equal(policy.get(name), "'self'")
    for (const name of ['base-uri', 'form-action', 'frame-ancestors']) t.equal(policy.get(name), "'none'")
    t.equal(policy.get('require-trusted-types-for'), "'script'")
    t.notMatch(body, /<script(?![^>]+src=)|<style|\sstyle=|\son[a-z]+=/, 'no script or style within the page')
    t.notMatch(body, /(?:src|href)="(?!\/|#)/, 'no address of another host')
  })

  t.test('links only to files that exist, and each module imports only files that exist', async (t) => {
    const seen = new Set<string>()
    const look = async (path: string): Promise<void> => {
      if (seen.has(path)) return
      seen.add(path)
      const { statusCode, headers, body } = await app.inject(path)
      t.equal(statusCode, 200, path)
      t.ok(headers['content-security-policy'], `${path} has the policy`)
      t.equal(headers['x-content-type-options'], 'nosniff')
      for (const [, next = ''] of [...body.matchAll(IMPORTS), ...body.matchAll(LINKS)]) {
        await look(new URL(next, `http://page${path}`).pathname)
      }
    }
    await look('/')
    for (const path of ['/style.css', '/main.js', '/client/index.js', '/scenarios/theft.js'])
      t.ok(seen.has(path), path)
  })

  t.test('has an element for each id that its scripts use', async (t) => {
    const { body: page } = await app.inject('/')
    const ids = new Set([...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id))
    t.equal(ids.size, [...page.matchAll(/\sid="/g)].length, 'no id twice')
    for (const [, id = ''] of page.matchAll(/(?:for|aria-labelledby|aria-describedby)="([^"]+)"/g)) {
      t.ok(ids.has(id), id)
    }
    for (const path of [
      '/main.js',
      '/binding.js',
      '/devices.js',
      '/generation-list.js',
      '/login-form.js',
      '/request-log.js',
      '/scenario.js',
      '/token-lifetime.js'
    ]) {
      const { body } = await app.inject(path)
      for (const [, id = ''] of body.matchAll(/byId\('([^']+)'\)/g)) t.ok(ids.has(id), `${path}: ${id}`)
    }
  })

  t.test("serves the client's modules as JavaScript", async (t) => {
    const { headers, body } = await app.inject('/client/transport/body-transport.js')
    t.match(headers['content-type'], /^text\/javascript/)
    t.notMatch(body, /^import type|\): Promise</m)
    const { createAuthFetch, bodyTransport } = await importServed(t, app, '/client/index.js')
    const transport = bodyTransport({ get: () => null })
    const auth = createAuthFetch({ baseUrl: 'http://127.0.0.1', transport })
    t.equal(await auth.getAccessToken(), null)
    auth.close()
  })

  t.test('explains each end of a session, and raises an alarm only for reuse', async (t) => {
    const { explainEnd } = await importServed(t, app, '/session-end.js')
    const { NoRefreshToken, RefreshTokenInvalid, RefreshTokenExpired, RefreshTokenReused, SessionRevoked } =
      errorCodes
    const { ProofRequired, ProofKeyMismatch } = errorCodes
    const reasons = [
      'logout',
      'user-changed',
      NoRefreshToken,
      RefreshTokenInvalid,
      RefreshTokenExpired,
      RefreshTokenReused,
      SessionRevoked,
      ProofRequired,
      ProofKeyMismatch
    ]
    for (const reason of reasons) {
      const { title, text, isAlarm } = explainEnd(reason)
      t.not(title, 'Your session has ended', reason)
      t.notMatch(text, /answered|undefined/, reason)
      t.equal(isAlarm, reason === RefreshTokenReused, reason)
    }
    t.equal(explainEnd('logout').title, 'You are logged out')
    t.match(explainEnd('ANOTHER').text, /ANOTHER/)
  })

  t.test('explains each error code that the server can answer', async (t) => {
    const { explainCode } = await importServed(t, app, '/explanations.js')
    const { NoRefreshToken, AccessTokenExpired, InvalidCredentials, StoreUnavailable } = errorCodes
    for (const code of [NoRefreshToken, AccessTokenExpired, InvalidCredentials, StoreUnavailable]) {
      t.ok(explainCode(code), code)
    }
    t.equal(explainCode('ANOTHER'), '')
  })

  t.test('describes the generations of a session in words', async (t) => {
    const { generationsOf, describe } = await importServed(t, app, '/generations.js')
    const words = (events: object[]) => generationsOf(events).map(describe)
    t.same(words([]), [])
    t.same(
      words([
        { type: 'created', gen: 1 },
        { type: 'rotated', gen: 2 },
        { type: 'replayed', gen: 2 },
        { type: 'replayed', gen: 2 },
        { type: 'copied', gen: 2 },
        { type: 'rotated', gen: 3 }
      ]),
      ['retired', 'retired, replayed 2 times, copied by the attacker', 'current']
    )
    t.same(
      words([
        { type: 'resumed', gen: 7 },
        { type: 'copied', gen: 7 },
        { type: 'rotated', gen: 8 },
        { type: 'replayed', gen: 8 },
        { type: 'reused', gen: 7 },
        { type: 'revoked', gen: 8 }
      ]),
      ['retired, copied by the attacker, presented again: reuse detected', 'revoked, replayed once']
    )
    t.same(
      words([
        { type: 'created', gen: 1 },
        { type: 'expired', gen: 1 }
      ]),
      ['expired']
    )
  })

  t.test('finds the generations that a scenario changes', async (t) => {
    const { generationsOf, changedGenerations } = await importServed(t, app, '/generations.js')
    const before = [
      { type: 'created', gen: 1 },
      { type: 'rotated', gen: 2 }
    ]
    const after = [...before, { type: 'rotated', gen: 3 }]
    const changed = changedGenerations(generationsOf(before), generationsOf(after))
    t.match(changed, [
      { gen: 2, state: 'retired' },
      { gen: 3, state: 'current' }
    ])
    t.same(changedGenerations(generationsOf(after), generationsOf(after)), [])
  })

  t.test('shows each failed attempt while an operation waits', async (t) => {
    const { showWaiting, reportFailedAttempt } = await importServed(t, app, '/waiting.js')
    const texts: string[] = []
    const refresh = '/auth/refresh'
    await showWaiting(
      (text) => texts.push(text),
      'Waiting.',
      async () => {
        reportFailedAttempt({ path: refresh, status: 503 })
        reportFailedAttempt({ path: refresh, status: null })
        reportFailedAttempt({ path: refresh, status: 401 })
        reportFailedAttempt({ path: '/me', status: 503 })
      }
    )
    reportFailedAttempt({ path: refresh, status: 503 })
    t.match(texts, ['Waiting.', /answered 503.*attempts: 1/, /No complete response.*attempts: 2/])
    t.equal(texts.length, 3)
  })
})

t.test('the two users', async (t) => {
  const { app } = await openDemo(t)
  const ada = new Client(app)
  const grace = new Client(app)
  t.equal((await ada.login(ADA)).json().expires_in, settings.accessTtlSeconds)
  await grace.login(GRACE)
  t.same((await ada.call()).json(), { id: 'user-1', name: 'Ada' })
  t.equal((await ada.call('/admin')).statusCode, 200)
  t.equal((await grace.call('/admin')).statusCode, 403)
  t.equal((await new Client(app).login({ ...ADA, password: 'nanoseconds' })).statusCode, 401)
})

t.test('the routes of the demo that act on a session are guarded', async (t) => {
  const { app } = await openDemo(t)
  for (const path of [
    '/watch',
    '/expire',
    '/lose-response',
    '/attacker/copy',
    '/attacker/refresh',
    '/devices'
  ]) {
    const { statusCode } = await app.inject({ method: 'POST', url: `/demo${path}` })
    t.equal(statusCode, 401, path)
  }
})

t.test('the history', async (t) => {
  t.test('contains the events of one session, and no token', async (t) => {
    const { app, client, read, events } = await enter(t)
    const other = await createSession(app, 'user-2')
    await client.refresh()
    await client.refresh()
    t.same(await events(), ['created 1', 'rotated 2', 'replayed 2'])
    await client.logout()
    t.same((await events()).at(-1), 'revoked 2')
    const text = JSON.stringify(await read())
    for (const token of [client.jar.accessToken, client.jar.refreshToken]) if (token) t.notMatch(text, token)
    t.same(await historyReader(other, await historyKeyOf(other)).events(), ['created 1'])
  })

  t.test('needs a history key', async (t) => {
    const { app } = await openDemo(t)
    t.equal((await app.inject('/demo/history')).statusCode, 404)
    t.equal(
      (await app.inject({ url: '/demo/history', headers: { 'x-demo-history-key': 'x' } })).statusCode,
      404
    )
  })

  t.test('contains the remaining cooldown of a new token', async (t) => {
    const { client, advance, settled, read } = await enter(t)
    t.equal((await read()).cooldownMs, 0, 'the first generation has no cooldown')
    await client.refresh()
    await advance(2 * settings.graceMs)
    await client.call()
    await settled()
    t.ok((await read()).cooldownMs > 2 * settings.graceMs, 'the cooldown restarts at the first use')
    await advance((await read()).cooldownMs)
    t.equal((await read()).cooldownMs, 0)
    await client.refresh()
    t.equal((await client.call()).statusCode, 200)
  })

  t.test('continues for a session that is older than the process', async (t) => {
    const { store, client, advance } = await enter(t)
    await client.refresh()
    const app = await createDemo({ secret: SECRET, store, logLevel: 'silent' })
    t.after(() => app.close())
    const again = new Client(app, {}, client.jar)
    t.same(await historyReader(again, await historyKeyOf(again)).events(), ['resumed 2'])
    await advance(COOLDOWN_MS)
    await again.refresh()
    t.same(await historyReader(again, await historyKeyOf(again)).events(), ['resumed 2', 'rotated 3'])
  })
})

t.test('the watch route reports whether the browser sends the cookie', async (t) => {
  const { client } = await enter(t)
  t.match((await postDemo(client, '/watch')).json(), { ...settings, cookie: true })
  client.jar.refreshToken = undefined
  t.match((await postDemo(client, '/watch')).json(), { cookie: false })
})

t.test('the server rejects an access token before it expires', async (t) => {
  const { client } = await enter(t)
  await postDemo(client, '/expire')
  const rejected = await client.call()
  t.equal(rejected.json().code, 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
  t.match(rejected.headers['www-authenticate'], /error="invalid_token"/)
  await client.refresh()
  t.equal((await client.call()).statusCode, 200)
})

t.test('one response is lost, and the retry is replayed', async (t) => {
  const { app, client, events } = await enter(t)
  const url = `${await listen(app)}/auth/refresh`
  const cookie = `__Host-refresh_token=${client.jar.refreshToken}`
  await postDemo(client, '/lose-response')
  const broken = await fetch(url, { method: 'POST', headers: { cookie } })
  t.equal(broken.headers.get('set-cookie'), null)
  await t.rejects(broken.text())
  const retried = await fetch(url, { method: 'POST', headers: { cookie } })
  t.equal(retried.status, 200)
  t.ok(retried.headers.get('set-cookie'))
  t.same(await events(), ['created 1', 'rotated 2', 'replayed 2'])
  const { access_token: token } = (await retried.json()) as { access_token: string }
  client.jar.accessToken = token
  t.equal((await client.call()).statusCode, 200)
})

t.test('five simultaneous refreshes cause one rotation', async (t) => {
  const { client, events } = await enter(t)
  const answers = await Promise.all(Array.from({ length: 5 }, () => client.loseResponse()))
  t.same(
    answers.map(({ statusCode }) => statusCode),
    [200, 200, 200, 200, 200]
  )
  t.same(await events(), ['created 1', 'rotated 2', ...Array(4).fill('replayed 2')])
})

t.test('an attacker', async (t) => {
  t.test('causes the revocation of the session after three grace periods', async (t) => {
    const { client, advance, settled, events } = await enter(t)
    t.same((await postDemo(client, '/attacker/copy')).json(), { gen: 1 })
    await client.refresh()
    await client.call()
    await settled()
    await advance(3 * settings.graceMs)
    const attack = await postDemo(client, '/attacker/refresh')
    t.same(attack.json(), { status: 401, code: 'FRT_ERR_REFRESH_TOKEN_REUSED' })
    t.equal((await client.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
    t.equal((await client.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
    t.same(await events(), ['created 1', 'copied 1', 'rotated 2', 'reused 1', 'revoked 2'])
  })

  t.test('receives tokens when faster than the user, and the tokens stay on the server', async (t) => {
    const { client } = await enter(t)
    await postDemo(client, '/attacker/copy')
    t.same((await postDemo(client, '/attacker/refresh')).json(), { status: 200, code: null })
  })

  t.test('is rejected at once if the session is bound to a key, and the user continues', async (t) => {
    const { app } = await openDemo(t)
    const client = new Client(app, { key: createKey() })
    t.equal((await client.login(ADA)).statusCode, 200)
    t.same((await postDemo(client, '/attacker/copy')).json(), { gen: 1 })
    const rejection = { status: 401, code: 'FRT_ERR_PROOF_REQUIRED' }
    t.same((await postDemo(client, '/attacker/refresh')).json(), rejection)
    t.equal((await client.refresh()).statusCode, 200)
    t.equal((await client.call()).statusCode, 200)
  })

  t.test('cannot refresh without a copied cookie', async (t) => {
    const { client } = await enter(t)
    t.equal((await postDemo(client, '/attacker/refresh')).json().code, 'DEMO_ERR_NOTHING_COPIED')
    client.jar.refreshToken = undefined
    t.equal((await postDemo(client, '/attacker/copy')).json().code, 'DEMO_ERR_NO_COOKIE')
  })
})

t.test('two phones log in with different names, and one is revoked', async (t) => {
  const { app, client } = await enter(t)
  t.same((await postDemo(client, '/devices')).json(), { name: 'Phone 1 (simulated)' })
  t.same((await postDemo(client, '/devices')).json(), { name: 'Phone 2 (simulated)' })
  const headers = client.accessHeaders()
  const { sessions } = (await app.inject({ url: '/auth/sessions', headers })).json()
  t.match(sessions, [
    { current: true },
    { current: false, metadata: { user_agent: 'Phone 1 (simulated)' } },
    { current: false, metadata: { user_agent: 'Phone 2 (simulated)' } }
  ])
  await app.inject({ method: 'DELETE', url: `/auth/sessions/${sessions[1].id}`, headers })
  t.equal((await app.inject({ url: '/auth/sessions', headers })).json().sessions.length, 2)
  t.equal((await client.call()).statusCode, 200)
})

t.test('the store stops and starts', async (t) => {
  const { app, client, read } = await enter(t)
  const setStore = (running: boolean) =>
    app.inject({ method: 'PUT', url: '/demo/store', payload: { running } })
  t.same((await setStore(false)).json(), { running: false })
  const unavailable = await client.refresh()
  t.equal(unavailable.statusCode, 503)
  t.equal(unavailable.headers['retry-after'], '1')
  t.equal((await client.call()).statusCode, 200, 'the server checks an access token without the store')
  t.equal((await read()).storeIsRunning, false)
  t.same((await app.inject('/demo/store')).json(), { running: false })
  await setStore(true)
  t.equal((await client.refresh()).statusCode, 200)
  t.equal((await app.inject({ method: 'PUT', url: '/demo/store', payload: {} })).statusCode, 400)
})

interface Served {
  createAuthFetch(options: object): { getAccessToken(): Promise<string | null>; close(): void }
  bodyTransport(storage: object): unknown
  generationsOf(events: object[]): object[]
  changedGenerations(before: object[], after: object[]): object[]
  describe(generation: object): string
  explainEnd(reason: string): { title: string; text: string; isAlarm: boolean }
  explainCode(code: string): string
  showWaiting(say: (text: string) => void, text: string, work: () => Promise<void>): Promise<void>
  reportFailedAttempt(entry: { path: string; status: number | null }): void
}

/** Imports a module as a browser receives it, with all modules that it imports. */
async function importServed(t: Test, app: Client['app'], path: string): Promise<Served> {
  const folder = t.testdir({ 'package.json': '{ "type": "module" }' })
  const written = new Set<string>()
  const write = async (path: string): Promise<void> => {
    if (written.has(path)) return
    written.add(path)
    const { body } = await app.inject(path)
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), body)
    for (const [, next = ''] of body.matchAll(IMPORTS))
      await write(new URL(next, `http://page${path}`).pathname)
  }
  await write(path)
  return import(pathToFileURL(join(folder, path)).href)
}

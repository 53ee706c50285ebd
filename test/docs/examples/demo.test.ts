import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { createDemo } from '../../../examples/demo/app.js'
import { settings } from '../../../examples/demo/settings.js'
import { errorCodes } from '../../../lib/index.js'
import { listen, SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { openMemoryStore } from '../../support/stores.js'

const ADA = { username: 'ada', password: 'analytical engine' }
const GRACE = { username: 'grace', password: 'nanoseconds' }
const IMPORTS = /^(?:import|export) [^']*? from '(\.[^']+)'/gm
const LINKS = /\s(?:src|href)="(\/[^"]*)"/g
const REST_MS = 3 * settings.graceMs + 1000

async function openDemo(t: Test) {
  const under = openMemoryStore()
  under.clock.rule(t)
  const app = await createDemo({ secret: SECRET, store: under.store, logLevel: 'silent' })
  t.after(() => app.close())
  return { ...under, app }
}

/** The demo with somebody logged in, whose history can be asked for. */
async function enter(t: Test) {
  const demo = await openDemo(t)
  const client = await begin(demo.app, 'user-1')
  return { ...demo, client, ...player(client, await ticketOf(client)) }
}

/** A login without its password, which takes its time. */
async function begin(app: Client['app'], sub: string): Promise<Client> {
  const { accessToken, refreshToken } = await app.sessions.create({ sub })
  const client = new Client(app)
  Object.assign(client.jar, { accessToken, refreshToken })
  return client
}

async function ticketOf(client: Client): Promise<string> {
  return (await stage(client, '/watch')).json().ticket
}

/** A guarded request to the stage, with the cookie, as a browser sends it. */
function stage({ app, jar }: Client, path: string) {
  const headers: Record<string, string> = { authorization: `Bearer ${jar.accessToken}` }
  if (jar.refreshToken !== undefined) headers.cookie = `another=1; __Host-refresh_token=${jar.refreshToken}`
  return app.inject({ method: 'POST', url: `/demo${path}`, headers })
}

function player({ app }: Client, ticket: string) {
  const read = async () =>
    (await app.inject({ url: '/demo/history', headers: { 'x-demo-ticket': ticket } })).json()
  const line = async () => {
    const { happenings } = (await read()) as { happenings: { type: string; gen: number }[] }
    return happenings.map(({ type, gen }) => `${type} ${gen}`)
  }
  return { read, line }
}

t.test('the page', async (t) => {
  const { app } = await openDemo(t)

  t.test('lets nothing in that is not its own', async (t) => {
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

  t.test('names only what exists, and each module imports only what exists', async (t) => {
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
    for (const path of ['/style.css', '/main.js', '/client/index.js', '/plays/theft.js'])
      t.ok(seen.has(path), path)
  })

  t.test('has an element for each id that its scripts ask for', async (t) => {
    const { body: page } = await app.inject('/')
    const ids = new Set([...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id))
    t.equal(ids.size, [...page.matchAll(/\sid="/g)].length, 'no id twice')
    for (const [, id = ''] of page.matchAll(/(?:for|aria-labelledby|aria-describedby)="([^"]+)"/g)) {
      t.ok(ids.has(id), id)
    }
    for (const path of ['/main.js', '/devices.js', '/login-form.js', '/token-life.js', '/wire-log.js']) {
      const { body } = await app.inject(path)
      for (const [, id = ''] of body.matchAll(/byId\('([^']+)'\)/g)) t.ok(ids.has(id), `${path}: ${id}`)
    }
  })

  t.test("serves the client's modules as JavaScript", async (t) => {
    const { headers, body } = await app.inject('/client/create-auth-fetch.js')
    t.match(headers['content-type'], /^text\/javascript/)
    t.notMatch(body, /^import type|\): Promise</m)
    const { createAuthFetch } = await importServed(t, app, '/client/index.js')
    const auth = createAuthFetch({ baseUrl: 'http://127.0.0.1', storage: { get: () => null } })
    t.equal(await auth.getAccessToken(), null)
    auth.close()
  })

  t.test('has words for each end of a session', async (t) => {
    const { wordsForEnd } = await importServed(t, app, '/session-end.js')
    const { NoRefreshToken, RefreshTokenInvalid, RefreshTokenExpired, RefreshTokenReused, SessionRevoked } =
      errorCodes
    const reasons = [
      'logout',
      NoRefreshToken,
      RefreshTokenInvalid,
      RefreshTokenExpired,
      RefreshTokenReused,
      SessionRevoked
    ]
    for (const reason of reasons) t.notMatch(wordsForEnd(reason), /answered|undefined/, reason)
    t.match(wordsForEnd(RefreshTokenReused), /somebody else holds a copy/)
    t.match(wordsForEnd('ANOTHER'), /ANOTHER/)
  })

  t.test('turns what happened into a line, in words', async (t) => {
    const { generationsOf, wordsOf } = await importServed(t, app, '/generations.js')
    const words = (happenings: object[]) => generationsOf(happenings).map(wordsOf)
    t.same(words([]), [])
    t.same(
      words([
        { type: 'login', gen: 1 },
        { type: 'rotated', gen: 2 },
        { type: 'replayed', gen: 2 },
        { type: 'replayed', gen: 2 },
        { type: 'copied', gen: 2 },
        { type: 'rotated', gen: 3 }
      ]),
      ['retired', 'retired, replayed 2 times, copied by a thief', 'current']
    )
    t.same(
      words([
        { type: 'seen', gen: 7 },
        { type: 'copied', gen: 7 },
        { type: 'rotated', gen: 8 },
        { type: 'replayed', gen: 8 },
        { type: 'reused', gen: 7 },
        { type: 'ended', gen: 8 }
      ]),
      ['retired, copied by a thief, reused: theft found out', 'ended, replayed once']
    )
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

t.test('the stage is guarded where it concerns a session', async (t) => {
  const { app } = await openDemo(t)
  for (const path of ['/watch', '/expire', '/lose-answer', '/thief/copy', '/thief/refresh', '/devices']) {
    const { statusCode } = await app.inject({ method: 'POST', url: `/demo${path}` })
    t.equal(statusCode, 401, path)
  }
})

t.test('the history', async (t) => {
  t.test('tells of the session of its ticket, and never a token', async (t) => {
    const { app, client, read, line } = await enter(t)
    const other = await begin(app, 'user-2')
    await client.refresh()
    await client.refresh()
    t.same(await line(), ['login 1', 'rotated 2', 'replayed 2'])
    await client.logout()
    t.same((await line()).at(-1), 'ended 2')
    const text = JSON.stringify(await read())
    for (const token of [client.jar.accessToken, client.jar.refreshToken]) if (token) t.notMatch(text, token)
    t.same(await player(other, await ticketOf(other)).line(), ['login 1'])
  })

  t.test('is for who has a ticket', async (t) => {
    const { app } = await openDemo(t)
    t.equal((await app.inject('/demo/history')).statusCode, 404)
    t.equal((await app.inject({ url: '/demo/history', headers: { 'x-demo-ticket': 'x' } })).statusCode, 404)
  })

  t.test('says how long a new token rests', async (t) => {
    const { client, advance, settled, read } = await enter(t)
    t.equal((await read()).restsForMs, 0, "a login's never does")
    await client.refresh()
    await advance(2 * settings.graceMs)
    await client.call()
    await settled()
    t.ok((await read()).restsForMs > 2 * settings.graceMs, 'it counts from the first use')
    await advance((await read()).restsForMs)
    t.equal((await read()).restsForMs, 0)
    await client.refresh()
    t.equal((await client.call()).statusCode, 200)
  })

  t.test('goes on where the session was there before', async (t) => {
    const { store, client, advance } = await enter(t)
    await client.refresh()
    const app = await createDemo({ secret: SECRET, store, logLevel: 'silent' })
    t.after(() => app.close())
    const again = new Client(app, {}, client.jar)
    t.same(await player(again, await ticketOf(again)).line(), ['seen 2'])
    await advance(REST_MS)
    await again.refresh()
    t.same(await player(again, await ticketOf(again)).line(), ['seen 2', 'rotated 3'])
  })
})

t.test('watching tells whether the browser keeps the cookie', async (t) => {
  const { client } = await enter(t)
  t.match((await stage(client, '/watch')).json(), { ...settings, cookie: true })
  client.jar.refreshToken = undefined
  t.match((await stage(client, '/watch')).json(), { cookie: false })
})

t.test('an access token expires ahead of time', async (t) => {
  const { client } = await enter(t)
  await stage(client, '/expire')
  const refused = await client.call()
  t.equal(refused.json().code, 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
  t.match(refused.headers['www-authenticate'], /error="invalid_token"/)
  await client.refresh()
  t.equal((await client.call()).statusCode, 200)
})

t.test('an answer is lost, once, and its retry is replayed', async (t) => {
  const { app, client, line } = await enter(t)
  const url = `${await listen(app)}/auth/refresh`
  const cookie = `__Host-refresh_token=${client.jar.refreshToken}`
  await stage(client, '/lose-answer')
  const broken = await fetch(url, { method: 'POST', headers: { cookie } })
  t.equal(broken.headers.get('set-cookie'), null)
  await t.rejects(broken.text())
  const retried = await fetch(url, { method: 'POST', headers: { cookie } })
  t.equal(retried.status, 200)
  t.ok(retried.headers.get('set-cookie'))
  t.same(await line(), ['login 1', 'rotated 2', 'replayed 2'])
  const { access_token: token } = (await retried.json()) as { access_token: string }
  client.jar.accessToken = token
  t.equal((await client.call()).statusCode, 200)
})

t.test('five refreshes at once are one rotation', async (t) => {
  const { client, line } = await enter(t)
  const answers = await Promise.all(Array.from({ length: 5 }, () => client.loseAnswer()))
  t.same(
    answers.map(({ statusCode }) => statusCode),
    [200, 200, 200, 200, 200]
  )
  t.same(await line(), ['login 1', 'rotated 2', ...Array(4).fill('replayed 2')])
})

t.test('a thief', async (t) => {
  t.test('who comes back after the grace ends the session', async (t) => {
    const { client, advance, settled, line } = await enter(t)
    t.same((await stage(client, '/thief/copy')).json(), { gen: 1 })
    await client.refresh()
    await client.call()
    await settled()
    await advance(settings.graceMs + 1)
    const theft = await stage(client, '/thief/refresh')
    t.same(theft.json(), { status: 401, code: 'FRT_ERR_REFRESH_TOKEN_REUSED' })
    t.equal((await client.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
    t.equal((await client.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
    t.same(await line(), ['login 1', 'copied 1', 'rotated 2', 'reused 1', 'ended 2'])
  })

  t.test('who is faster gets tokens, which stay on the server', async (t) => {
    const { client } = await enter(t)
    await stage(client, '/thief/copy')
    t.same((await stage(client, '/thief/refresh')).json(), { status: 200, code: null })
  })

  t.test('has nothing that was not copied', async (t) => {
    const { client } = await enter(t)
    t.equal((await stage(client, '/thief/refresh')).json().code, 'DEMO_ERR_NOTHING_COPIED')
    client.jar.refreshToken = undefined
    t.equal((await stage(client, '/thief/copy')).json().code, 'DEMO_ERR_NO_COOKIE')
  })
})

t.test('another device logs in, and is revoked', async (t) => {
  const { app, client } = await enter(t)
  await stage(client, '/devices')
  const headers = client.accessHeaders()
  const { sessions } = (await app.inject({ url: '/auth/sessions', headers })).json()
  t.match(sessions, [{ current: true }, { current: false, metadata: { user_agent: /phone/ } }])
  await app.inject({ method: 'DELETE', url: `/auth/sessions/${sessions[1].id}`, headers })
  t.equal((await app.inject({ url: '/auth/sessions', headers })).json().sessions.length, 1)
  t.equal((await client.call()).statusCode, 200)
})

t.test('the store stops and starts', async (t) => {
  const { app, client, read } = await enter(t)
  const turn = (running: boolean) => app.inject({ method: 'PUT', url: '/demo/store', payload: { running } })
  t.same((await turn(false)).json(), { running: false })
  const refused = await client.refresh()
  t.equal(refused.statusCode, 503)
  t.equal(refused.headers['retry-after'], '1')
  t.equal((await client.call()).statusCode, 200, 'the access token needs no store')
  t.equal((await read()).storeRuns, false)
  t.same((await app.inject('/demo/store')).json(), { running: false })
  await turn(true)
  t.equal((await client.refresh()).statusCode, 200)
  t.equal((await app.inject({ method: 'PUT', url: '/demo/store', payload: {} })).statusCode, 400)
})

interface Served {
  createAuthFetch(options: object): { getAccessToken(): Promise<string | null>; close(): void }
  generationsOf(happenings: object[]): object[]
  wordsForEnd(reason: string): string
  wordsOf(generation: object): string
}

/** Runs what a browser is served: the module of that path, with all that it imports. */
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

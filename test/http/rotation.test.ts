import t, { type Test } from 'tap'
import type { RefreshEvent, ReuseEvent } from '../../lib/index.js'
import { buildApp } from '../support/build-app.js'
import { Client, Jar } from '../support/client.js'
import { eachStore, type StoreUnderTest } from '../support/stores.js'

const SECOND = 1000
const MINUTE = 60 * SECOND

async function watch(t: Test, under: StoreUnderTest) {
  const refreshes: RefreshEvent[] = []
  const reuses: ReuseEvent[] = []
  const built = await buildApp(t, {
    under,
    options: {
      onRefresh: (event) => void refreshes.push(event),
      onReuse: (event) => void reuses.push(event)
    }
  })
  /** Calls the guarded route, and waits until the store has recorded the confirmation. */
  const use = async (client: Client) => {
    const response = await client.call()
    await built.settled()
    return response
  }
  const count = (outcome: RefreshEvent['outcome']) =>
    refreshes.filter((event) => event.outcome === outcome).length
  return { ...built, reuses, use, count }
}

await eachStore(t, async (t, open) => {
  t.test('50 concurrent refreshes with one token succeed, and one rotates', async (t) => {
    const { app, count } = await watch(t, open(t))
    const client = new Client(app)
    await client.login()
    const responses = await Promise.all(Array.from({ length: 50 }, () => client.loseResponse()))
    t.same(new Set(responses.map(({ statusCode }) => statusCode)), new Set([200]))
    t.equal(count('rotated'), 1)
    t.equal(count('replayed'), 49)
    const generations = responses.map((answer) => {
      const claims = answer.json().access_token.split('.')[1]
      return JSON.parse(Buffer.from(claims, 'base64url').toString()).gen
    })
    t.same(new Set(generations), new Set([2]))
  })

  t.test('40 races of a refresh and a logout always revoke the session', async (t) => {
    const { app } = await watch(t, open(t))
    for (let i = 0; i < 40; i++) {
      const client = new Client(app)
      await client.login()
      const other = client.copy()
      const [refreshed] = await Promise.all(
        i % 2
          ? [client.refresh(), other.post('/logout')]
          : [other.post('/logout'), client.refresh()].reverse()
      )
      t.ok(refreshed)
      for (const each of [client, other]) {
        t.equal((await each.call()).statusCode, 401)
        t.equal((await each.refresh()).statusCode, 401)
      }
    }
  })

  t.test(
    'a lost response is repeated long after the grace period, until the new tokens are used',
    async (t) => {
      const { app, advance, use, count, reuses } = await watch(t, open(t))
      const client = new Client(app)
      await client.login()
      t.equal((await client.loseResponse()).statusCode, 200)
      await advance(3 * 24 * 60 * MINUTE)

      const tabs = Array.from({ length: 5 }, () => client.copy())
      const first = tabs[0] as Client
      t.equal((await first.refresh()).statusCode, 200, 'the retry')
      t.equal((await use(first)).json().gen, 2, 'a copy of the same generation')
      for (const tab of tabs.slice(1)) {
        await advance(5 * SECOND)
        t.equal(
          (await tab.refresh()).statusCode,
          200,
          'a tab with the old token, while the first uses the new'
        )
        t.equal((await use(tab)).json().gen, 2)
      }
      t.equal(count('rotated'), 1)

      await advance(10 * SECOND)
      t.equal((await client.refresh()).json().code, 'FRT_ERR_REFRESH_CONFLICT')
      await advance(60 * SECOND)
      t.equal((await client.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
      t.equal((await client.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
      for (const tab of tabs) {
        t.equal((await tab.call()).json().code, 'FRT_ERR_SESSION_REVOKED', 'access tokens are rejected')
        t.equal((await tab.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED', 'and refresh tokens')
      }
      t.match(reuses, [{ sub: 'ada', gen: 2, reason: 'reuse', row: 8 }])
      t.equal(reuses.length, 1, 'reported once')
    }
  )

  t.test('a token that was retired a grace period ago is a conflict, which changes nothing', async (t) => {
    const { app, advance, use, count, reuses } = await watch(t, open(t))
    const client = new Client(app)
    await client.login()
    const late = client.copy()
    await client.refresh()
    await use(client)
    await advance(30 * SECOND + 400)

    const conflict = await late.refresh()
    t.equal(conflict.statusCode, 503)
    t.equal(conflict.json().code, 'FRT_ERR_REFRESH_CONFLICT')
    t.equal(conflict.headers['retry-after'], '60', 'the rest of the window, in whole seconds')
    t.equal(conflict.headers['set-cookie'], undefined)
    await t.rejects(app.sessions.refresh(late.jar.refreshToken ?? ''), {
      code: 'FRT_ERR_REFRESH_CONFLICT',
      headers: { 'retry-after': '60' }
    })
    t.equal(count('replayed'), 0)
    t.equal((await client.refresh()).statusCode, 200, 'the session continues')

    await advance(59 * SECOND)
    t.equal((await late.refresh()).headers['retry-after'], '1')
    await advance(SECOND)
    t.equal((await late.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
    t.match(reuses, [{ row: 8 }])
  })

  t.test('an attacker who copies each refresh of the user is detected at the next rotation', async (t) => {
    const { app, advance, use, reuses } = await watch(t, open(t))
    const victim = new Client(app)
    await victim.login()
    const attacker = victim.copy()

    await advance(5 * MINUTE)
    await victim.refresh()
    await use(victim)
    await advance(2 * SECOND)
    t.equal((await attacker.refresh()).statusCode, 200, 'accepted within the grace period')
    await use(attacker)

    await advance(5 * MINUTE)
    t.equal((await victim.refresh()).statusCode, 200)
    await use(victim)
    await advance(2 * SECOND)
    t.equal((await attacker.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
    t.match(reuses, [{ row: 5 }])
    t.equal((await victim.call()).statusCode, 401, 'the session is revoked for both')
  })

  t.test('an attacker who refreshes before the user is detected at the next rotation', async (t) => {
    const { app, advance, use, reuses } = await watch(t, open(t))
    const victim = new Client(app)
    await victim.login()
    const attacker = victim.copy()

    await advance(4 * MINUTE)
    t.equal((await attacker.refresh()).statusCode, 200)
    await advance(MINUTE)
    t.equal((await victim.refresh()).statusCode, 200, 'the attacker never used the new tokens')
    await use(victim)

    await advance(4 * MINUTE)
    t.equal((await attacker.refresh()).statusCode, 200)
    await advance(MINUTE)
    t.equal((await victim.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
    t.match(reuses, [{ row: 5 }])
    t.equal((await attacker.refresh()).statusCode, 401)
  })

  t.test('ten cycles of five tabs with one cookie jar and reloads detect no reuse', async (t) => {
    const { app, advance, use, count, reuses } = await watch(t, open(t))
    const jar = new Jar()
    const tabs = Array.from({ length: 5 }, () => new Client(app, {}, jar))
    const [reloaded] = tabs as [Client, ...Client[]]
    await reloaded.login()
    for (let cycle = 0; cycle < 10; cycle++) {
      await advance(5 * MINUTE + SECOND)
      // All tabs send the same cookie. The responses arrive one after the other, and each sets the cookie.
      const sent = tabs.map(({ jar }) => ({ ...jar }))
      for (const [i, tab] of tabs.entries()) {
        const own = new Client(app, {}, Object.assign(new Jar(), sent[i]))
        t.equal((await own.refresh()).statusCode, 200)
        if (own.jar.refreshToken !== sent[i]?.refreshToken) jar.refreshToken = own.jar.refreshToken
        jar.accessToken = own.jar.accessToken
        t.equal((await use(tab)).statusCode, 200)
        await advance(4 * SECOND)
      }
      for (const seconds of [10, 40]) {
        await advance(seconds * SECOND)
        t.equal((await reloaded.refresh()).statusCode, 200, 'a page that loads refreshes')
        t.equal((await use(reloaded)).statusCode, 200)
      }
    }
    t.same(reuses, [])
    t.equal(count('rotated'), 10, 'one rotation a cycle')
  })
})

import t, { type Test } from 'tap'
import type { LogoutEvent, RefreshEvent, ReuseEvent, Session } from '../../lib/index.js'
import { type BuildOptions, buildApp } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { eachStore } from '../support/stores.js'

const SECOND = 1000
const MINUTE = 60 * SECOND

async function login(t: Test, build: BuildOptions, identity: object = { sub: 'ada' }) {
  const built = await buildApp(t, build)
  const client = new Client(built.app)
  const answer = await client.login(identity)
  return { ...built, client, answer }
}

await eachStore(t, async (t, open) => {
  t.test('session.load', async (t) => {
    t.test('returns new claims at each refresh, even without a rotation', async (t) => {
      let roles = ['reader']
      const seen: [string, Session][] = []
      const load = async (sub: string, session: Session) => {
        seen.push([sub, session])
        return { claims: { roles } }
      }
      const { client } = await login(t, { under: open(t), options: { session: { load } } })
      roles = ['admin']
      await client.loseResponse()
      t.match((await client.call()).json(), { gen: 1, sub: 'ada' })
      await client.refresh()
      t.match((await client.call()).json(), { gen: 2, roles: ['admin'] })
      roles = ['owner']
      await client.refresh()
      t.match((await client.call()).json(), { gen: 2, roles: ['owner'] })
      t.match(seen[0], ['ada', { sub: 'ada', gen: 1, metadata: { ip: '127.0.0.1' } }])
    })

    t.test('without claims keeps the claims of the login', async (t) => {
      const options = { session: { load: () => ({}) } }
      const { client } = await login(t, { under: open(t), options }, { sub: 'ada', claims: { a: 1 } })
      await client.refresh()
      t.match((await client.call()).json(), { gen: 2, a: 1 })
    })

    t.test('revokes the session if it returns null', async (t) => {
      const revocations: LogoutEvent[] = []
      const options = {
        session: { load: () => null },
        onLogout: (event: LogoutEvent) => void revocations.push(event)
      }
      const { client } = await login(t, { under: open(t), options })
      t.equal((await client.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
      t.equal((await client.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
      t.equal((await client.call()).statusCode, 401)
      t.match(revocations, [{ sub: 'ada', reason: 'disabled' }])
      t.equal(revocations.length, 1)
    })

    t.test('passes its error through and changes nothing', async (t) => {
      let fails = true
      const load = async () => {
        if (fails) throw Object.assign(new Error('the database is unavailable'), { statusCode: 502 })
        return {}
      }
      const refreshes: RefreshEvent[] = []
      const options = { session: { load }, onRefresh: (event: RefreshEvent) => void refreshes.push(event) }
      const { client } = await login(t, { under: open(t), options })
      t.equal((await client.refresh()).statusCode, 502)
      fails = false
      t.equal((await client.refresh()).statusCode, 200)
      t.match(refreshes, [{ outcome: 'rotated', gen: 2 }])
    })

    t.test('returns 500 for invalid claims and changes nothing', async (t) => {
      const options = { session: { load: () => ({ claims: { sub: 'eve' } }) } }
      const { client, app } = await login(t, { under: open(t), options })
      t.equal((await client.refresh()).json().code, 'FRT_ERR_INVALID_IDENTITY')
      t.match(await app.sessions.list('ada'), [{ gen: 1 }])
    })
  })

  t.test('refreshToken.allowReplay', async (t) => {
    t.test('turns a replay into reuse if it returns false', async (t) => {
      const reuses: ReuseEvent[] = []
      const calls: unknown[] = []
      const options = {
        refreshToken: {
          allowReplay: (request: unknown, session: Session) => {
            calls.push([request, session])
            return false
          }
        },
        onReuse: (event: ReuseEvent) => void reuses.push(event)
      }
      const { client } = await login(t, { under: open(t), options })
      await client.loseResponse()
      t.equal(calls.length, 0, 'not called for a rotation')
      t.equal((await client.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
      t.match(calls, [[{ url: '/auth/refresh' }, { sub: 'ada', gen: 2 }]])
      t.match(reuses, [{ reason: 'reuse', row: 6 }])
    })

    t.test('allows the replay if it returns true', async (t) => {
      const options = { refreshToken: { allowReplay: async () => true } }
      const { client } = await login(t, { under: open(t), options })
      await client.loseResponse()
      t.equal((await client.refresh()).statusCode, 200)
      t.match((await client.call()).json(), { gen: 2 })
    })
  })

  t.test('refreshToken.confirms', async (t) => {
    t.test('keeps the parent token valid if it returns false', async (t) => {
      const options = { refreshToken: { confirms: async () => false } }
      const { client, app, advance, settled } = await login(t, { under: open(t), options })
      const parent = client.copy()
      await client.refresh()
      await client.call()
      await app.sessions.verify(client.jar.accessToken as string)
      await settled()
      await advance(10 * MINUTE)
      t.equal((await parent.refresh()).statusCode, 200)
    })

    t.test('retires the parent token if it returns true', async (t) => {
      const options: BuildOptions['options'] = { refreshToken: { confirms: ({ url }) => url === '/me' } }
      const { client, advance, settled } = await login(t, { under: open(t), options })
      const parent = client.copy()
      await client.refresh()
      t.match((await client.call()).json(), { sub: 'ada', gen: 2 })
      await settled()
      await advance(10 * MINUTE)
      t.equal((await parent.refresh()).statusCode, 401)
    })

    t.test('confirms by default at each request and each call of app.sessions.verify', async (t) => {
      const { client, app, advance, settled } = await login(t, { under: open(t) })
      const parent = client.copy()
      await client.refresh()
      t.match(await app.sessions.verify(client.jar.accessToken as string), { sub: 'ada', gen: 2 })
      await settled()
      await advance(10 * MINUTE)
      t.equal((await parent.refresh()).statusCode, 401)
    })
  })

  t.test('refreshToken.rollback', async (t) => {
    /** Builds a store that lost rotations, so that the client's tokens are ahead of it. */
    const lose = async (t: Test, generations: number, options: BuildOptions['options'] = {}) => {
      const events: RefreshEvent[] = []
      const reuses: ReuseEvent[] = []
      const under = open(t)
      const built = await login(t, {
        under,
        options: {
          ...options,
          onRefresh: (event) => void events.push(event),
          onReuse: (event) => void reuses.push(event)
        }
      })
      // This store has no record of the rotations, but receives their tokens.
      const { rotate } = under.store
      under.store.rotate = (refresh) =>
        rotate.call(under.store, { ...refresh, gen: refresh.gen + generations })
      return { ...built, events, reuses }
    }

    t.test('accepts one lost rotation and reports it', async (t) => {
      const { client, events, logs } = await lose(t, 1)
      t.equal((await client.refresh()).statusCode, 200)
      t.match(events, [{ outcome: 'rotated', row: 9, rollback: true, gen: 3 }])
      t.match(
        logs.filter(({ level }) => Number(level) >= 40),
        [{ level: 40, event: 'store_write_lost', sub: 'ada' }]
      )
    })

    t.test('revokes the session after more lost rotations', async (t) => {
      const { client, reuses, logs } = await lose(t, 2)
      t.equal((await client.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
      t.match(reuses, [{ reason: 'rollback', row: 10 }])
      t.match(
        logs.filter(({ level }) => Number(level) >= 40),
        [{ level: 40, event: 'refresh_token_rolled_back', sub: 'ada' }]
      )
    })

    t.test("accepts more lost rotations with 'accept'", async (t) => {
      const { client, events } = await lose(t, 7, { refreshToken: { rollback: 'accept' } })
      t.equal((await client.refresh()).statusCode, 200)
      t.match(events, [{ row: 10, rollback: true, gen: 9 }])
    })

    t.test('revokes the session at the last generation', async (t) => {
      const { client, app } = await lose(t, 2 ** 32 - 2, { refreshToken: { rollback: 'accept' } })
      t.equal((await client.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
      t.same(await app.sessions.list('ada'), [])
    })
  })

  t.test('session.maxPerUser evicts the oldest session, and its tokens are rejected', async (t) => {
    const revocations: LogoutEvent[] = []
    const { client, app, advance } = await login(t, {
      under: open(t),
      options: { session: { maxPerUser: 2 }, onLogout: (event) => void revocations.push(event) }
    })
    const later = [new Client(app), new Client(app)]
    for (const each of later) {
      await advance(SECOND)
      await each.login()
    }
    t.equal((await client.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
    t.equal((await client.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
    for (const each of later) t.equal((await each.call()).statusCode, 200)
    t.match(revocations, [{ reason: 'evicted', sub: 'ada', metadata: { ip: '127.0.0.1' } }])
  })

  t.test('a login that replaces a session does not evict another one', async (t) => {
    const revocations: LogoutEvent[] = []
    const { client, app, advance } = await login(t, {
      under: open(t),
      options: { session: { maxPerUser: 2 }, onLogout: (event) => void revocations.push(event) }
    })
    await advance(SECOND)
    const other = new Client(app)
    await other.login()
    await advance(SECOND)
    await other.login()
    t.match(revocations, [{ reason: 'replaced' }])
    t.equal(revocations.length, 1)
    for (const each of [client, other]) t.equal((await each.call()).statusCode, 200)
  })

  t.test(
    'session.ttl limits the session despite refreshes, and an identity can only shorten it',
    async (t) => {
      const options = { session: { ttl: '1h' } }
      const { client, app, advance } = await login(t, { under: open(t), options })
      const brief = new Client(app)
      await brief.login({ sub: 'ada', ttl: '20m' })
      const greedy = new Client(app)
      await greedy.login({ sub: 'ada', ttl: '2h' })
      for (let minutes = 10; minutes <= 50; minutes += 10) {
        await advance(10 * MINUTE)
        t.equal((await client.refresh()).statusCode, 200)
        t.equal((await greedy.refresh()).statusCode, 200)
        const isOver = minutes >= 20
        t.equal((await brief.refresh()).statusCode, isOver ? 401 : 200)
      }
      await advance(8 * MINUTE)
      const last = await client.refresh()
      t.ok(last.json().expires_in <= 120, 'an access token expires with its session')
      await advance(2 * MINUTE + SECOND)
      for (const each of [client, greedy])
        t.equal((await each.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_EXPIRED')
    }
  )

  t.test(
    'identity.idleTtl shortens the idle timeout of one session, now and after each refresh',
    async (t) => {
      const { client, app, advance, answer } = await login(
        t,
        { under: open(t), options: { refreshToken: { ttl: '14d' } } },
        { sub: 'ada', idleTtl: '1h' }
      )
      t.match(answer.headers['set-cookie'], 'Max-Age=3600;')
      const mobile = new Client(app)
      await mobile.login({ sub: 'ada', idleTtl: '30d' })
      const longest = await app.sessions.create({ sub: 'ada', idleTtl: Number.POSITIVE_INFINITY })
      for (let i = 0; i < 2; i++) {
        await advance(50 * MINUTE)
        const response = await client.refresh()
        t.equal(response.statusCode, 200)
        t.match(response.headers['set-cookie'], 'Max-Age=3600;')
        t.equal((await client.call()).statusCode, 200)
      }
      await advance(61 * MINUTE)
      t.equal((await client.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_EXPIRED')
      t.equal((await mobile.refresh()).statusCode, 200)
      const { refreshTokenExpiresIn } = await app.sessions.refresh(longest.refreshToken)
      t.equal(refreshTokenExpiresIn, 14 * 24 * 3600)
    }
  )

  t.test('revocation.mode store: a logout in another process takes effect immediately', async (t) => {
    const under = open(t)
    const { client } = await login(t, { under, options: { revocation: { mode: 'store' } } })
    const other = await buildApp(t, { under, options: { revocation: { mode: 'store' } } })
    const elsewhere = new Client(other.app, {}, client.jar.copy())
    t.equal((await elsewhere.call()).statusCode, 200)
    await client.logout()
    t.equal((await elsewhere.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
  })

  t.test('revocation.mode none: other processes accept an access token until it expires', async (t) => {
    const under = open(t)
    const { client, advance } = await login(t, { under, options: { revocation: { mode: 'none' } } })
    const other = await buildApp(t, { under, options: { revocation: { mode: 'none' } } })
    const elsewhere = new Client(other.app, {}, client.jar.copy())
    await client.logout()
    client.jar.accessToken = elsewhere.jar.accessToken
    t.equal((await client.call()).statusCode, 401)
    t.equal((await elsewhere.call()).statusCode, 200)
    await advance(5 * MINUTE + SECOND)
    t.equal((await elsewhere.call()).statusCode, 401)
  })

  t.test('auth_time is the time of the login, even after a refresh', async (t) => {
    const { client, clock, advance } = await login(t, { under: open(t) })
    const loginSeconds = Math.floor(clock.nowMs / 1000)
    await advance(10 * MINUTE)
    await client.refresh()
    const claims = (await client.call()).json()
    t.equal(claims.auth_time, loginSeconds)
    t.equal(claims.iat, Math.floor(clock.nowMs / 1000))
    t.equal(claims.exp, Math.ceil(clock.nowMs / 1000) + 300)
  })
})

t.test('session.metadata', async (t) => {
  t.test('has a shortened default at the login and at each rotation', async (t) => {
    const { app, client } = await login(t, {})
    const cookie = `__Host-refresh_token=${client.jar.refreshToken}`
    const headers = { cookie, 'user-agent': 'x'.repeat(5000) }
    await app.inject({ method: 'POST', url: '/auth/refresh', headers })
    t.match(await app.sessions.list('ada'), [{ metadata: { ip: '127.0.0.1', user_agent: 'x'.repeat(200) } }])
  })

  t.test('has a shortened default if a proxy header contains the address', async (t) => {
    const { app } = await buildApp(t, { server: { trustProxy: true } })
    const headers = { 'x-forwarded-for': 'A'.repeat(2000) }
    const answer = await app.inject({ method: 'POST', url: '/auth/login', headers, payload: { sub: 'ada' } })
    t.equal(answer.statusCode, 200)
    t.match(await app.sessions.list('ada'), [{ metadata: { ip: 'A'.repeat(64) } }])
  })

  t.test('returns 500 if it returns a promise', async (t) => {
    const metadata = (async () => ({ note: 'x' })) as unknown as () => Record<string, unknown>
    const { app } = await buildApp(t, { options: { session: { metadata } } })
    t.equal((await new Client(app).login()).json().code, 'FRT_ERR_INVALID_IDENTITY')
  })

  t.test('returns 500 if the metadata is too large, and rotates nothing', async (t) => {
    let size = 1
    const options = { session: { metadata: () => ({ note: 'x'.repeat(size) }) } }
    const { client, app } = await login(t, { options })
    size = 2000
    t.equal((await client.refresh()).json().code, 'FRT_ERR_INVALID_IDENTITY')
    t.match(await app.sessions.list('ada'), [{ gen: 1, metadata: { note: 'x' } }])
  })
})

t.test('hooks', async (t) => {
  t.test('are called once per event with the request', async (t) => {
    const events: unknown[] = []
    const note = (name: string) => (event: object, request: { url: string } | null) =>
      void events.push([name, event, request?.url ?? null])
    const { client, app, advance, settled } = await login(t, {
      options: {
        onLogin: note('login'),
        onRefresh: note('refresh'),
        onLogout: note('logout'),
        onReuse: note('reuse')
      }
    })
    await client.refresh()
    await client.loseResponse()
    await client.logout()
    await client.logout()
    const { refreshToken } = await app.sessions.create({ sub: 'grace' })
    const second = await app.sessions.refresh(refreshToken)
    await app.sessions.verify(second.accessToken)
    await settled()
    await advance(2 * MINUTE)
    await t.rejects(app.sessions.refresh(refreshToken), { code: 'FRT_ERR_REFRESH_TOKEN_REUSED' })
    const ada = { sub: 'ada', sid: String, metadata: { ip: '127.0.0.1' } }
    const grace = { sub: 'grace', sid: String, metadata: {} }
    t.match(events, [
      ['login', { ...ada, gen: 1 }, '/auth/login'],
      ['refresh', { ...ada, gen: 2, outcome: 'rotated', row: 4, rollback: false }, '/auth/refresh'],
      ['refresh', { ...ada, gen: 2, outcome: 'replayed', row: 3, rollback: false }, '/auth/refresh'],
      ['logout', { ...ada, gen: 2, reason: 'logout' }, '/auth/logout'],
      ['login', { ...grace, gen: 1 }, null],
      ['refresh', { ...grace, gen: 2, outcome: 'rotated' }, null],
      ['reuse', { ...grace, gen: 2, reason: 'reuse', row: 8 }, null]
    ])
    t.equal(events.length, 7)
  })

  t.test('that throw are logged and do not change the response', async (t) => {
    const fail = () => {
      throw new Error('from the hook')
    }
    const options = { onLogin: fail, onRefresh: async () => fail(), onLogout: fail, onReuse: fail }
    const { client, answer, logs } = await login(t, { options })
    t.equal(answer.statusCode, 200)
    t.equal((await client.refresh()).statusCode, 200)
    t.equal((await client.logout()).statusCode, 200)
    const logged = logs.filter(({ level }) => level === 50)
    t.match(
      logged.map(({ msg }) => msg),
      [
        'onLogin hook failed; the response is unchanged',
        'onRefresh hook failed; the response is unchanged',
        'onLogout hook failed; the response is unchanged'
      ]
    )
    t.match(logged[0], { err: { message: 'from the hook' }, sid: String })
  })
})

t.test('app.sessions', async (t) => {
  t.test('creates, reads, refreshes, verifies and revokes sessions without a request', async (t) => {
    const { app, clock } = await buildApp(t)
    const tokens = await app.sessions.create({ sub: 'ada', claims: { a: 1 }, metadata: { device: 'tv' } })
    const { sid } = tokens.session
    t.match(tokens, { expiresIn: 300, refreshTokenExpiresIn: 14 * 86_400, session: { gen: 1 } })
    t.match(await app.sessions.get(sid), {
      sid,
      metadata: { device: 'tv' },
      createdAt: new Date(clock.nowMs)
    })
    t.match(await app.sessions.verify(tokens.accessToken), { sub: 'ada', a: 1, sid })
    const next = await app.sessions.refresh(tokens.refreshToken)
    t.match(next.session, { gen: 2, metadata: { device: 'tv' } })
    t.notOk('isSameCopy' in next, 'what is for the transport alone stays inside')
    const other = await app.sessions.create({ sub: 'ada' })
    t.equal((await app.sessions.list('ada')).length, 2)
    t.equal(await app.sessions.revokeAll('ada', { except: other.session.sid }), 1)
    t.equal(await app.sessions.get(sid), null)
    t.equal(await app.sessions.revoke(other.session.sid), true)
    t.equal(await app.sessions.revoke(other.session.sid), false)
    await t.rejects(app.sessions.verify(other.accessToken), { code: 'FRT_ERR_SESSION_REVOKED' })
    await t.rejects(app.sessions.refresh(next.refreshToken), { code: 'FRT_ERR_SESSION_REVOKED' })
  })

  t.test('passes through errors of options unchanged', async (t) => {
    const error = new Error('from the loader')
    const load = () => Promise.reject(error)
    const { app } = await buildApp(t, { options: { session: { load } } })
    const { refreshToken } = await app.sessions.create({ sub: 'ada' })
    await t.rejects(app.sessions.refresh(refreshToken), error)
    t.notOk('headers' in error)
  })

  t.test('throws errors with the headers of the response', async (t) => {
    const { app } = await buildApp(t)
    const error = await app.sessions.verify('x').catch((error: unknown) => error)
    t.match(error, { headers: { 'www-authenticate': /error="invalid_token"/ } })
  })

  t.test('rejects malformed session ids and subjects', async (t) => {
    const { app } = await buildApp(t)
    for (const malformed of ['', 'x', '*'.repeat(32), 'x'.repeat(33)]) {
      t.equal(await app.sessions.get(malformed), null)
      t.equal(await app.sessions.revoke(malformed), false)
      await t.rejects(app.sessions.refresh(malformed), { code: 'FRT_ERR_REFRESH_TOKEN_INVALID' })
      await t.rejects(app.sessions.verify(malformed), { code: 'FRT_ERR_ACCESS_TOKEN_INVALID' })
    }
    t.equal(await app.sessions.get('x'.repeat(32)), null, 'an unknown id')
    await t.rejects(app.sessions.create({ sub: '' }), { code: 'FRT_ERR_INVALID_IDENTITY' })
    for (const sub of ['', 7.5, undefined] as string[]) {
      await t.rejects(app.sessions.list(sub), { code: 'FRT_ERR_INVALID_IDENTITY' })
      await t.rejects(app.sessions.revokeAll(sub), { code: 'FRT_ERR_INVALID_IDENTITY' })
    }
  })
})

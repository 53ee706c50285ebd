import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { LogoutEvent, ReuseEvent, SessionStore } from '../../../lib/index.js'
import { RedisStore } from '../../../lib/index.js'
import { type BuildOptions, buildApp } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { eventuallyStatus } from '../../support/outage.js'
import { startRedis } from '../../support/redis-server.js'
import { openMemoryStore } from '../../support/stores.js'

/** A store whose methods a test can make fail, or hang until `recover`. */
function createBreakableStore() {
  const under = openMemoryStore()
  const inner = under.store
  let failing: string[] = []
  let hanging: string[] = []
  let release = () => {}
  let released = Promise.resolve()
  const store = new Proxy(inner, {
    get(target, name) {
      const method = Reflect.get(target, name)
      if (name === 'openFeed') return method.bind(target)
      if (typeof method !== 'function') return method
      return async (...args: unknown[]) => {
        if (failing.includes(String(name))) throw new Error('READONLY you cannot write against a replica')
        const response = Reflect.apply(method, target, args)
        if (hanging.includes(String(name))) await released
        return response
      }
    }
  }) as SessionStore
  return {
    under: { ...under, store },
    inner,
    fail(...methods: string[]) {
      failing = methods
    },
    hang(...methods: string[]) {
      hanging = methods
      released = new Promise((resolve) => {
        release = resolve
      })
    },
    recover() {
      failing = []
      hanging = []
      release()
    }
  }
}

async function login(t: Test, options: BuildOptions['options'] = {}) {
  const store = createBreakableStore()
  const built = await buildApp(t, { under: store.under, options: { storeTimeout: 0.05, ...options } })
  const client = new Client(built.app)
  await client.login()
  return { ...built, ...store, client }
}

/** A hook that records its events, and a promise of the first event. */
function recordHook<E>() {
  const events: E[] = []
  let resolveFirst: (event: E) => void = () => {}
  const first = new Promise<E>((resolve) => {
    resolveFirst = resolve
  })
  return {
    events,
    hook(event: E) {
      events.push(event)
      resolveFirst(event)
    },
    /** Keeps the process alive meanwhile, because background work does not. */
    async firstEvent(): Promise<E> {
      const timer = setInterval(() => {}, 1000)
      try {
        return await first
      } finally {
        clearInterval(timer)
      }
    }
  }
}

t.test('an unavailable store is a 503 and never logs out', async (t) => {
  const { client, fail, hang, recover } = await login(t, { revocation: { mode: 'store' } })
  for (const breakStore of [fail, hang]) {
    breakStore('create', 'rotate', 'has', 'get', 'list', 'revoke', 'revokeAll', 'confirm')
    const token = client.jar.accessToken
    const responses = [
      await client.post('/login', { sub: 'ada' }),
      await client.post('/refresh'),
      await client.post('/logout-all').then(() => client.call()),
      await client.call('/auth/sessions')
    ]
    for (const response of responses) {
      t.equal(response.statusCode, 503)
      t.equal(response.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
      t.equal(response.headers['retry-after'], '1')
      t.equal(response.headers['set-cookie'], undefined, 'cookies are untouched')
      t.notMatch(response.body, 'READONLY', 'the reason is not in the response')
    }
    recover()
    client.jar.accessToken = token
    t.equal((await client.call()).statusCode, 200, 'the session continues')
  }
  t.equal((await client.refresh()).statusCode, 200)
})

t.test('a rotation whose reply was lost is replayed by the next refresh', async (t) => {
  const { client, hang, recover, inner } = await login(t)
  hang('rotate')
  t.equal((await client.refresh()).statusCode, 503)
  t.match(await inner.list('ada'), [{ gen: 2 }], 'the store had rotated')
  recover()
  t.equal((await client.refresh()).statusCode, 200)
  t.match((await client.call()).json(), { gen: 2 })
})

t.test(
  'a session that was created too late is revoked, and the sessions that it evicted stay revoked',
  async (t) => {
    const logouts = recordHook<LogoutEvent>()
    const { client, app, hang, recover, inner } = await login(t, {
      session: { maxPerUser: 1 },
      onLogout: logouts.hook
    })
    hang('create')
    t.equal((await new Client(app).login()).statusCode, 503)
    t.equal((await inner.list('ada')).length, 1, 'the store had created it')
    recover()
    t.match(await logouts.firstEvent(), { reason: 'evicted' })
    t.equal((await client.call()).statusCode, 401)
    await new Promise((resolve) => setImmediate(resolve))
    t.same(await inner.list('ada'), [])
    t.match(logouts.events, [{ reason: 'evicted' }])
    t.equal(logouts.events.length, 1, 'the login was not emitted, so that its end is not either')
  }
)

t.test('a late creation that was rejected revokes nothing', async (t) => {
  const { app, hang, recover, under } = await login(t)
  const { create } = under.store
  under.store.create = async (session) => {
    const response = create.call(under.store, session)
    await under.store.revoke([session.sid], 'revoked', 'a key')
    return response.then(() => create.call(under.store, session))
  }
  hang('create')
  t.equal((await new Client(app).login()).statusCode, 503)
  recover()
  await new Promise((resolve) => setImmediate(resolve))
  t.equal((await app.sessions.list('ada')).length, 1)
})

t.test('a store clock that was set ahead does not fail a login', async (t) => {
  const { app, clock, inner } = await login(t)
  clock.advance(3_600_000)
  t.equal((await new Client(app).login()).statusCode, 200)
  t.equal((await inner.list('ada')).length, 2)
})

t.test('a login that exceeds its deadline each time is a 503', async (t) => {
  const { app, under } = await login(t)
  let nowMs = Date.now()
  under.store.create = async () => {
    nowMs += 3_600_000
    return { outcome: 'deadline-exceeded', nowMs }
  }
  t.equal((await new Client(app).login()).json().code, 'FRT_ERR_STORE_UNAVAILABLE')
})

t.test('a creation after its revocation creates no session', async (t) => {
  const { app, under } = await login(t)
  under.store.create = async () => ({ outcome: 'revoked', reason: 'revoked' })
  const response = await new Client(app).login()
  t.equal(response.json().code, 'FRT_ERR_SESSION_REVOKED')
})

t.test('a logout that did not reach the store is a 503 and is retried in the background', async (t) => {
  const logouts = recordHook<LogoutEvent>()
  const { client, fail, recover, inner } = await login(t, { onLogout: logouts.hook })
  fail('revoke')
  for (let i = 0; i < 3; i++) {
    const response = await client.copy().logout()
    t.equal(response.statusCode, 503)
    t.equal(response.headers['set-cookie'], undefined)
  }
  t.equal((await client.call()).statusCode, 401, 'this process rejects the session')
  t.equal((await client.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
  t.equal((await inner.list('ada')).length, 1, 'the store has not revoked it yet')
  recover()
  t.match(await logouts.firstEvent(), { reason: 'logout', sub: 'ada' })
  t.same(await inner.list('ada'), [])
  t.equal(logouts.events.length, 1)
  t.equal((await client.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
})

t.test('a failed login leaves no session, even if the store created one', async (t) => {
  const { app, inner } = await login(t)
  const { create } = inner
  inner.create = async (session) => {
    await create.call(inner, session)
    throw new Error('connection lost')
  }
  t.equal((await new Client(app).login({ sub: 'grace' })).statusCode, 503)
  await eventually(async () => (await inner.list('grace')).length === 0)
})

t.test('a logout-all that did not reach the store is retried and keeps later logins', async (t) => {
  const logouts = recordHook<LogoutEvent>()
  const { client, app, fail, recover, inner, clock } = await login(t, { onLogout: logouts.hook })
  clock.advance(60_000)
  fail('revokeAll')
  const headers = client.accessHeaders()
  const response = await app.inject({ method: 'POST', url: '/auth/logout-all', headers })
  t.equal(response.statusCode, 503)
  const later = new Client(app)
  await later.login()
  recover()
  await logouts.firstEvent()
  t.equal((await inner.list('ada')).length, 1)
  t.equal((await later.call()).statusCode, 200)
  t.equal((await client.call()).statusCode, 401)
})

t.test('a reuse whose revocation failed is a 503 and is reported after the retry', async (t) => {
  const reuses = recordHook<ReuseEvent>()
  const { client, advance, settled, fail, recover } = await login(t, { onReuse: reuses.hook })
  const copy = client.copy()
  await client.refresh()
  await client.call()
  await settled()
  await advance(90_000)
  fail('revoke')
  t.equal((await copy.refresh()).statusCode, 503)
  t.equal((await client.call()).statusCode, 401, 'this process rejects the tokens immediately')
  for (const user of [copy, client])
    t.equal((await user.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
  t.equal((await client.copy().logout()).statusCode, 503, 'a logout does not replace the reuse')
  recover()
  t.match(await reuses.firstEvent(), { reason: 'reuse', row: 8 })
  for (const user of [copy, client])
    t.equal((await user.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
  t.equal(reuses.events.length, 1)
})

t.test(
  'a Redis that hangs is a 503 with any client options, and the session continues afterwards',
  async (t) => {
    for (const options of [{}, { maxRetriesPerRequest: null }, { enableOfflineQueue: false }]) {
      await t.test(`with a client of ${JSON.stringify(options)}`, async (t) => {
        const server = await startRedis(t)
        const redis = server.client(options)
        const revocation = { mode: 'store' } as const
        await once(redis, 'ready')
        const under = { ...openMemoryStore(), store: new RedisStore({ redis }) }
        under.clock.nowMs = Date.now()
        const { app } = await buildApp(t, { under, options: { storeTimeout: '500ms', revocation } })
        const client = new Client(app)
        await eventuallyStatus(() => client.login())
        process.kill(server.pid, 'SIGSTOP')
        const responses = await Promise.all([client.call(), client.loseResponse(), client.copy().login()])
        process.kill(server.pid, 'SIGCONT')
        for (const response of responses) {
          t.equal(response.statusCode, 503)
          t.equal(response.headers['retry-after'], '1')
        }
        t.equal(await eventuallyStatus(() => client.refresh()), 200)
        t.match((await client.call()).json(), { gen: 2 })
        await app.close()
        t.equal(redis.status, 'ready', 'the Redis client of the application is not closed')
      })
    }
  }
)

t.test('a logout-all that the store executes late keeps later logins', async (t) => {
  const { client, app, inner, clock } = await login(t)
  const later = new Client(app)
  const { revokeAll } = inner
  inner.revokeAll = async (...args) => {
    // The command waited in the queue of the Redis client.
    clock.advance(1000)
    await later.login()
    return revokeAll.apply(inner, args)
  }
  const headers = client.accessHeaders()
  const response = await app.inject({ method: 'POST', url: '/auth/logout-all', headers })
  t.same(response.json(), { revoked: 1 })
  t.equal((await client.call()).statusCode, 401)
  t.equal((await later.call()).statusCode, 200)
})

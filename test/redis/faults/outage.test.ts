import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { LogoutEvent, ReuseEvent, SessionStore } from '../../../lib/index.js'
import { RedisStore } from '../../../lib/index.js'
import { type BuildOptions, buildApp } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { startRedis } from '../../support/redis-server.js'
import { openMemoryStore } from '../../support/stores.js'

/** A store that can be made to fail, or to hang until it is released. */
function breakable() {
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
        const answer = Reflect.apply(method, target, args)
        if (hanging.includes(String(name))) await released
        return answer
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
    heal() {
      failing = []
      hanging = []
      release()
    }
  }
}

async function login(t: Test, options: BuildOptions['options'] = {}) {
  const store = breakable()
  const built = await buildApp(t, { under: store.under, options: { storeTimeout: 0.05, ...options } })
  const client = new Client(built.app)
  await client.login()
  return { ...built, ...store, client }
}

/** A hook, and a promise of the first event that it is told of. */
function hook<E>() {
  const events: E[] = []
  let tell: (event: E) => void = () => {}
  const first = new Promise<E>((resolve) => {
    tell = resolve
  })
  return {
    events,
    hook(event: E) {
      events.push(event)
      tell(event)
    },
    /** Nothing that is done in the background keeps a process alive: the test has to. */
    async told(): Promise<E> {
      const alive = setInterval(() => {}, 1000)
      try {
        return await first
      } finally {
        clearInterval(alive)
      }
    }
  }
}

t.test('a store that does not answer is a 503, never a logout', async (t) => {
  const { client, fail, hang, heal } = await login(t, { revocation: { mode: 'store' } })
  for (const trouble of [fail, hang]) {
    trouble('create', 'rotate', 'has', 'get', 'list', 'revoke', 'revokeAll', 'confirm')
    const token = client.jar.accessToken
    const answers = [
      await client.post('/login', { sub: 'ada' }),
      await client.post('/refresh'),
      await client.post('/logout-all').then(() => client.call()),
      await client.call('/auth/sessions')
    ]
    for (const answer of answers) {
      t.equal(answer.statusCode, 503)
      t.equal(answer.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
      t.equal(answer.headers['retry-after'], '1')
      t.equal(answer.headers['set-cookie'], undefined, 'cookies are untouched')
      t.notMatch(answer.body, 'READONLY', 'the reason is for the log')
    }
    heal()
    client.jar.accessToken = token
    t.equal((await client.call()).statusCode, 200, 'the session lives')
  }
  t.equal((await client.refresh()).statusCode, 200)
})

t.test('a lost answer to a rotation costs nothing: the next refresh is a replay', async (t) => {
  const { client, hang, heal, inner } = await login(t)
  hang('rotate')
  t.equal((await client.refresh()).statusCode, 503)
  t.match(await inner.list('ada'), [{ gen: 2 }], 'the store had rotated')
  heal()
  t.equal((await client.refresh()).statusCode, 200)
  t.match((await client.call()).json(), { gen: 2 })
})

t.test('a session whose creation answered late is ended, and those it evicted stay ended', async (t) => {
  const ends = hook<LogoutEvent>()
  const { client, app, hang, heal, inner } = await login(t, {
    session: { maxPerUser: 1 },
    onLogout: ends.hook
  })
  hang('create')
  t.equal((await new Client(app).login()).statusCode, 503)
  t.equal((await inner.list('ada')).length, 1, 'the store had created it')
  heal()
  t.match(await ends.told(), { reason: 'evicted' })
  t.equal((await client.call()).statusCode, 401)
  await new Promise((resolve) => setImmediate(resolve))
  t.same(await inner.list('ada'), [])
  t.match(ends.events, [{ reason: 'evicted' }, { reason: 'revoked' }])
})

t.test('a late creation that was refused ends nothing', async (t) => {
  const { app, hang, heal, under } = await login(t)
  const { create } = under.store
  under.store.create = async (session) => {
    const answer = create.call(under.store, session)
    await under.store.revoke(session.sid, 'revoked', 'an operation')
    return answer.then(() => create.call(under.store, session))
  }
  hang('create')
  t.equal((await new Client(app).login()).statusCode, 503)
  heal()
  await new Promise((resolve) => setImmediate(resolve))
  t.equal((await app.sessions.list('ada')).length, 1)
})

t.test('a clock of the store that was set ahead delays a login, and fails none', async (t) => {
  const { app, clock, inner } = await login(t)
  clock.advance(3_600_000)
  t.equal((await new Client(app).login()).statusCode, 200)
  t.equal((await inner.list('ada')).length, 2)
})

t.test('a store that is reached too late each time is a 503', async (t) => {
  const { app, under } = await login(t)
  let nowMs = Date.now()
  under.store.create = async () => {
    nowMs += 3_600_000
    return { outcome: 'deadline-exceeded', nowMs }
  }
  t.equal((await new Client(app).login()).json().code, 'FRT_ERR_STORE_UNAVAILABLE')
})

t.test('a creation that comes after its end makes no session', async (t) => {
  const { app, under } = await login(t)
  under.store.create = async () => ({ outcome: 'revoked', reason: 'revoked' })
  const answer = await new Client(app).login()
  t.equal(answer.json().code, 'FRT_ERR_SESSION_REVOKED')
})

t.test('a logout that did not reach the store is a 503, and is done as soon as it can be', async (t) => {
  const ends = hook<LogoutEvent>()
  const { client, fail, heal, inner } = await login(t, { onLogout: ends.hook })
  fail('revoke')
  for (let i = 0; i < 3; i++) {
    const answer = await client.copy().logout()
    t.equal(answer.statusCode, 503)
    t.equal(answer.headers['set-cookie'], undefined)
  }
  t.equal((await client.call()).statusCode, 401, 'this process knows')
  t.equal((await client.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
  t.equal((await inner.list('ada')).length, 1, 'the store does not yet')
  heal()
  t.match(await ends.told(), { reason: 'logout', sub: 'ada' })
  t.same(await inner.list('ada'), [])
  t.equal(ends.events.length, 1)
  t.equal((await client.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
})

t.test('a login whose answer was an error leaves no session, if the store made one after all', async (t) => {
  const ends = hook<LogoutEvent>()
  const { app, inner } = await login(t, { onLogout: ends.hook })
  const { create } = inner
  inner.create = async (session) => {
    await create.call(inner, session)
    throw new Error('the connection broke')
  }
  t.equal((await new Client(app).login({ sub: 'grace' })).statusCode, 503)
  t.match(await ends.told(), { reason: 'revoked', sub: 'grace' })
  t.same(await inner.list('grace'), [])
})

t.test('a logout everywhere is, too, and spares who logged in since', async (t) => {
  const ends = hook<LogoutEvent>()
  const { client, app, fail, heal, inner, clock } = await login(t, { onLogout: ends.hook })
  clock.advance(60_000)
  fail('revokeAll')
  const headers = client.accessHeaders()
  const answer = await app.inject({ method: 'POST', url: '/auth/logout-all', headers })
  t.equal(answer.statusCode, 503)
  const since = new Client(app)
  await since.login()
  heal()
  await ends.told()
  t.equal((await inner.list('ada')).length, 1)
  t.equal((await since.call()).statusCode, 200)
  t.equal((await client.call()).statusCode, 401)
})

t.test('a theft whose session could not be ended is a 503, and is found out for good', async (t) => {
  const thefts = hook<ReuseEvent>()
  const { client, advance, settled, fail, heal } = await login(t, { onReuse: thefts.hook })
  const thief = client.copy()
  await client.refresh()
  await client.call()
  await settled()
  await advance(60_000)
  fail('revoke')
  t.equal((await thief.refresh()).statusCode, 503)
  t.equal((await client.call()).statusCode, 401, 'this process refuses its tokens from then on')
  for (const each of [thief, client])
    t.equal((await each.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
  t.equal((await client.copy().logout()).statusCode, 503, 'and a logout does not hide it')
  heal()
  t.match(await thefts.told(), { reason: 'reuse', row: 8 })
  for (const each of [thief, client])
    t.equal((await each.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
  t.equal(thefts.events.length, 1)
})

t.test('a real Redis that hangs is a 503 in time, whatever its client does; then all goes on', async (t) => {
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
      await client.login()
      process.kill(server.pid, 'SIGSTOP')
      const answers = await Promise.all([client.call(), client.loseAnswer(), client.copy().login()])
      process.kill(server.pid, 'SIGCONT')
      for (const answer of answers) {
        t.equal(answer.statusCode, 503)
        t.equal(answer.headers['retry-after'], '1')
      }
      t.equal((await client.refresh()).statusCode, 200)
      t.match((await client.call()).json(), { gen: 2 })
      await app.close()
      t.equal(redis.status, 'ready', "a user's client is never closed")
    })
  }
})

t.test('a logout everywhere that the store carries out late spares who logged in meanwhile', async (t) => {
  const { client, app, inner, clock } = await login(t)
  const since = new Client(app)
  const { revokeAll } = inner
  inner.revokeAll = async (...args) => {
    // It waited in the queue of a client library.
    clock.advance(1000)
    await since.login()
    return revokeAll.apply(inner, args)
  }
  const headers = client.accessHeaders()
  const answer = await app.inject({ method: 'POST', url: '/auth/logout-all', headers })
  t.same(answer.json(), { revoked: 1 })
  t.equal((await client.call()).statusCode, 401)
  t.equal((await since.call()).statusCode, 200)
})

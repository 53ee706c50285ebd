import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { buildApp, DOWN, overriding } from '../support/build-app.js'
import { Clock } from '../support/clock.js'
import { GENERATE, publicPem } from '../support/key-pairs.js'
import { buildResourceServer, sign } from '../support/resource-server.js'
import { openMemoryStore } from '../support/stores.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Longer than an access token is valid and than its revocation is kept in memory. */
const RETENTION = 8 * MINUTE

/** Mocks the two clocks of this process. The given clock is that of the store, which is right at first. */
function mockClocks(t: Test, storeClock: Clock) {
  let aheadMs = 0
  let monotonicMs = 1000
  const monotonic = mock.method(performance, 'now', () => monotonicMs)
  t.teardown(() => monotonic.mock.restore())
  storeClock.mockDate(t)
  const setDate = () => mock.timers.setTime(storeClock.nowMs + aheadMs)
  return {
    pass(ms: number) {
      monotonicMs += ms
      storeClock.advance(ms)
      setDate()
    },
    /** Sets the wall clock to a time ahead of the store's clock, or behind it. */
    setWallClock(ms: number) {
      aheadMs = ms
      setDate()
    },
    /** Changes the store's clock. The wall clock stays as it is. */
    changeStoreClock(ms: number) {
      storeClock.advance(ms)
      aheadMs -= ms
      setDate()
    },
    /** Changes the clock of a machine with both the application and the store. */
    changeBoth(ms: number) {
      storeClock.advance(ms)
      setDate()
    }
  }
}

/** Opens an application at a time when the wall clock is this far ahead of the store's clock. */
async function openApp(t: Test, aheadMs = 0) {
  const calls: string[] = []
  const opened = openMemoryStore()
  const under = overriding(opened, {
    now: (sub) => {
      calls.push('now')
      return opened.store.now(sub)
    },
    has: (sid) => {
      calls.push('has')
      return opened.store.has(sid)
    }
  })
  const clocks = mockClocks(t, under.clock)
  clocks.setWallClock(aheadMs)
  const { app } = await buildApp(t, { under })
  const logIn = () => app.sessions.create({ sub: 'ada' })
  const call = async (token: string) => {
    calls.length = 0
    const response = await app.inject({ url: '/me', headers: { authorization: `Bearer ${token}` } })
    return response.statusCode === 200 ? 200 : response.json().code
  }
  /** Lets the retention of all revocations pass. The next revocation removes them from memory. */
  const forget = async () => {
    clocks.pass(RETENTION)
    await app.sessions.revoke((await logIn()).session.sid)
  }
  return { ...clocks, app, calls, logIn, call, forget, under }
}

for (const [name, ms] of [
  ['an hour', HOUR],
  ['a week', 7 * DAY]
] as const) {
  t.test(`a wall clock that is set back by ${name} does not make a token valid again`, async (t) => {
    const { app, pass, setWallClock, logIn, call, forget } = await openApp(t)
    const expired = await logIn()
    const revoked = await logIn()
    t.equal(await app.sessions.revoke(revoked.session.sid), true)
    t.equal(await call(expired.accessToken), 200)
    t.equal(await call(revoked.accessToken), 'FRT_ERR_SESSION_REVOKED')

    const rejectsBoth = async () => {
      t.equal(await call(expired.accessToken), 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
      t.equal(await call(revoked.accessToken), 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
    }
    await forget()
    await rejectsBoth()
    setWallClock(-ms)
    await rejectsBoth()
    pass(ms)
    await rejectsBoth()
    setWallClock(0)
    await rejectsBoth()
  })
}

for (const isFromStart of [false, true]) {
  const since = isFromStart ? 'from the start' : 'later'
  t.test(`tokens expire in time if the wall clock is set back ${since}`, async (t) => {
    const { app, setWallClock, logIn, call, forget } = await openApp(t, isFromStart ? -DAY : 0)
    setWallClock(-DAY)
    const expiring = await logIn()
    const revoked = await logIn()
    await app.sessions.revoke(revoked.session.sid)
    t.equal(await call(expiring.accessToken), 200)
    await forget()
    t.equal(await call(expiring.accessToken), 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
    t.equal(await call(revoked.accessToken), 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
  })
}

t.test('the former wall clock counts if this process has not read the clock of the store', async (t) => {
  const { pass, setWallClock, under, logIn } = await openApp(t)
  const { accessToken } = await logIn()
  const other = await buildApp(t, { under })
  pass(RETENTION)
  setWallClock(-HOUR)
  const response = await other.app.inject({ url: '/me', headers: { authorization: `Bearer ${accessToken}` } })
  t.equal(response.json().code, 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
})

t.test('a machine whose clock is set back rejects revoked tokens and accepts new ones', async (t) => {
  const { app, pass, changeBoth, logIn, call, calls, forget } = await openApp(t)
  const { session, accessToken } = await logIn()
  await app.sessions.revoke(session.sid)
  await forget()
  changeBoth(-HOUR)
  t.equal(await call(accessToken), 'FRT_ERR_SESSION_REVOKED')
  t.same(calls, ['now', 'has'], 'the revocation was removed from memory')
  t.equal(await call((await logIn()).accessToken), 200)
  for (let passed = 0; passed < HOUR + RETENTION; passed += MINUTE) {
    pass(MINUTE)
    t.match(await call(accessToken), /EXPIRED|REVOKED/)
  }
})

t.test('a clock that was ahead and is corrected does not make new tokens invalid', async (t) => {
  await t.test('the wall clock', async (t) => {
    const { setWallClock, logIn, call } = await openApp(t)
    const { accessToken } = await logIn()
    setWallClock(DAY)
    t.equal(await call(accessToken), 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
    setWallClock(0)
    t.equal(await call(accessToken), 200)
  })

  await t.test('the clock of the store', async (t) => {
    const { changeStoreClock, logIn, call, calls } = await openApp(t)
    const before = await logIn()
    changeStoreClock(DAY)
    const meanwhile = await logIn()
    changeStoreClock(-DAY)
    t.equal(await call(meanwhile.accessToken), 200)
    t.equal(await call(before.accessToken), 200)
    t.same(calls, ['now', 'has'])
    t.equal(await call(before.accessToken), 200)
    t.same(calls, [], 'this process has read the corrected clock')
    t.equal(await call((await logIn()).accessToken), 200)
  })

  await t.test('the clock of a machine with both', async (t) => {
    const { changeBoth, logIn, call } = await openApp(t)
    changeBoth(DAY)
    t.equal(await call((await logIn()).accessToken), 200)
    changeBoth(-DAY)
    t.equal(await call((await logIn()).accessToken), 200)
  })
})

t.test('the store is called only while the clocks disagree about a token', async (t) => {
  const { pass, setWallClock, logIn, call, calls } = await openApp(t)
  const { accessToken } = await logIn()
  t.equal(await call(accessToken), 200)
  t.same(calls, [])
  setWallClock(2 * MINUTE)
  t.equal(await call(accessToken), 200)
  setWallClock(0)
  t.equal(await call(accessToken), 200)
  t.same(calls, [], 'the token has not expired by any of the clocks')
  for (let minutes = 1; minutes <= 4; minutes++) {
    pass(MINUTE)
    t.equal(await call(accessToken), 200)
    t.same(calls, [], 'the wall clock catches up with the time before it was set back')
  }

  setWallClock(DAY)
  const another = await logIn()
  t.equal(await call(another.accessToken), 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
  t.same(calls, [])
  setWallClock(0)
  t.equal(await call(another.accessToken), 200)
  t.same(calls, ['now', 'has'])
})

t.test('a wall clock that is two minutes behind causes no calls of the store', async (t) => {
  const { pass, logIn, call, calls } = await openApp(t, -2 * MINUTE)
  const { accessToken } = await logIn()
  pass(6 * MINUTE)
  t.equal(await call(accessToken), 200)
  t.same(calls, [], 'a revocation would still be in memory')
  pass(MINUTE + 1000)
  t.equal(await call(accessToken), 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
})

t.test('a guarded route returns 503 if the clocks disagree and the store is unavailable', async (t) => {
  const methods = {}
  const under = overriding(openMemoryStore(), methods)
  const { pass, setWallClock } = mockClocks(t, under.clock)
  const { app } = await buildApp(t, { under })
  const { accessToken } = await app.sessions.create({ sub: 'ada' })
  pass(RETENTION)
  setWallClock(-HOUR)
  Object.assign(methods, DOWN)
  const response = await app.inject({ url: '/me', headers: { authorization: `Bearer ${accessToken}` } })
  t.equal(response.statusCode, 503)
  t.ok(response.headers['retry-after'])
})

t.test('a resource server', async (t) => {
  const pair = GENERATE.EdDSA()
  /** Issues a token by the issuer's clock. */
  const issueAt = (issuer: Clock) => {
    const iat = Math.floor(issuer.nowMs / 1000)
    return sign(pair, { claims: { iat, exp: iat + 300 } })
  }
  const open = async (t: Test) => {
    const issuer = new Clock()
    const clocks = mockClocks(t, issuer)
    return { issuer, ...clocks, ...(await buildResourceServer(t, { keys: [publicPem(pair)] })) }
  }

  await t.test('keeps rejecting an expired token if its clock is set back', async (t) => {
    const { issuer, pass, setWallClock, status } = await open(t)
    const token = await issueAt(issuer)
    t.equal(await status(token), 200)
    pass(4 * MINUTE)
    const newer = await issueAt(issuer)
    t.equal(await status(newer), 200)
    pass(2 * MINUTE)
    t.equal(await status(token), 401)
    for (const ms of [HOUR, 7 * DAY]) {
      setWallClock(-ms)
      t.equal(await status(token), 401)
      t.equal(await status(newer), 200)
    }
    pass(4 * MINUTE)
    t.equal(await status(newer), 401, 'the newer token expires in time')
    t.equal(await status(await issueAt(issuer)), 200)
  })

  await t.test('accepts new tokens if its clock was ahead and is corrected', async (t) => {
    const { issuer, setWallClock, status } = await open(t)
    setWallClock(DAY)
    const token = await issueAt(issuer)
    t.equal(await status(token), 401)
    setWallClock(0)
    t.equal(await status(token), 200)
  })

  await t.test("accepts new tokens if the issuer's clock was ahead and is corrected", async (t) => {
    const { issuer, changeStoreClock, pass, status } = await open(t)
    changeStoreClock(DAY)
    t.equal(await status(await issueAt(issuer)), 200)
    changeStoreClock(-DAY)
    t.equal(await status(await issueAt(issuer)), 200)
    pass(MINUTE)
    t.equal(await status(await issueAt(issuer)), 200)
  })
})

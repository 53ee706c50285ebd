import t from 'tap'
import { deferred } from '../support/timers.js'
import { networkError } from './support/scripted-server.js'
import { loggedIn, ORIGIN, openBrowser } from './support/tab.js'

const ABORTED = { name: 'AbortError' }

t.test('an aborted call stops waiting, and the shared refresh continues', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  const late = deferred<Response>()
  server.script('/auth/refresh', () => late.promise)
  const aborter = new AbortController()
  const { signal } = aborter
  const aborted = [
    auth.fetch('/me', { signal }),
    auth.fetch(new Request(`${ORIGIN}/me`, { signal })),
    auth.fetch(new Request(`${ORIGIN}/me`), { signal })
  ]
  const notAborted = auth.fetch('/me')
  await time.settle()
  aborter.abort()
  for (const response of await time.until(Promise.allSettled(aborted))) {
    t.match(response, { status: 'rejected', reason: ABORTED })
  }
  late.resolve(server.issue())
  t.equal((await time.until(notAborted)).status, 200)
  t.equal(server.count('/auth/refresh'), 1)
  t.equal(await time.until(auth.getAccessToken()), 'token-2')
})

t.test('a call that is aborted during an early refresh stops waiting', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.pass(301_000)
  const late = deferred<Response>()
  server.script('/auth/refresh', () => late.promise)
  const aborter = new AbortController()
  const waiting = auth.fetch('/me', { signal: aborter.signal })
  await time.settle()
  aborter.abort(new Error('enough'))
  await t.rejects(time.until(waiting), { message: 'enough' })
  late.resolve(server.issue())
  t.equal(await time.until(auth.getAccessToken()), 'token-2')
  t.equal(server.count('/me'), 0)
})

t.test('a call with an aborted signal sends nothing and refreshes nothing', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.pass(301_000)
  server.script('/auth/refresh', networkError, networkError, networkError)
  const signal = AbortSignal.abort()
  await t.rejects(time.until(auth.fetch('/me', { signal })), ABORTED)
  await t.rejects(time.until(auth.fetch(new Request(`${ORIGIN}/me`, { signal }))), ABORTED)
  await time.pass(60_000)
  t.same(server.paths, ['/auth/login'])
})

t.test('an abort during the request rejects with the error of the runtime', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/me', () => new Promise(() => {}))
  const aborter = new AbortController()
  const waiting = auth.fetch('/me', { signal: aborter.signal })
  await time.settle()
  aborter.abort()
  await t.rejects(time.until(waiting), ABORTED)
  t.equal(server.count('/auth/refresh'), 0)
})

t.test('an abort between the 401 and the refresh sends no further request', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  const aborter = new AbortController()
  server.script('/me', () => {
    queueMicrotask(() => aborter.abort())
    return new Response('', { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
  })
  await t.rejects(time.until(auth.fetch('/me', { signal: aborter.signal })), ABORTED)
  await time.settle()
  t.equal(server.count('/me'), 1)
})

t.test('a failed refresh without callers causes no unhandled rejection', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', networkError, networkError, networkError)
  const aborter = new AbortController()
  const waiting = auth.fetch('/me', { signal: aborter.signal })
  await time.settle()
  aborter.abort()
  await t.rejects(time.until(waiting), ABORTED)
  await time.pass(60_000)
  t.equal(server.count('/auth/refresh'), 3)
})

t.test(
  'an abort works with signals that have no reason and no throwIfAborted, as in React Native',
  async (t) => {
    const listeners = new Set<() => void>()
    const signal = {
      aborted: false,
      addEventListener: (_type: string, listener: () => void) => listeners.add(listener),
      removeEventListener: (_type: string, listener: () => void) => listeners.delete(listener)
    }
    const init = { signal: signal as unknown as AbortSignal }
    const { open, server, time } = openBrowser(t)
    // The `fetch` of Node.js rejects such a signal.
    const { auth } = open({}, { fetch: (input, init) => server.fetch(input, { ...init, signal: null }) })
    const late = deferred<Response>()
    server.script('/auth/refresh', () => late.promise)
    const waiting = auth.fetch('/me', init)
    await time.settle()
    signal.aborted = true
    for (const listener of listeners) listener()
    await t.rejects(time.until(waiting), ABORTED)
    await t.rejects(time.until(auth.fetch('/me', init)), ABORTED)
    late.resolve(server.issue())
    t.equal(await time.until(auth.getAccessToken()), 'token-1')
    t.equal(listeners.size, 0, 'no listener is left')
  }
)

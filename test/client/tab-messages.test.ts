import t from 'tap'
import { loggedIn, ORIGIN, openBrowser, START_MS } from './support/tab.js'

const CHANNEL = `fastify-refresh-token ${ORIGIN}/auth `

t.test('a suspended tab that reads a token message late does not use the expired token', async (t) => {
  for (const type of ['token', 'login']) {
    const { open, server, time, channels } = openBrowser(t)
    const { auth } = open()
    const message = { type, value: 'of another tab', lifetimeMs: 300_000, expiresAt: START_MS + 300_000 }
    // The tab is suspended until then.
    await time.pass(301_000)
    channels.open(CHANNEL).postMessage(message)
    await time.settle()
    t.equal(await time.until(auth.getAccessToken()), 'token-1')
    t.equal(server.count('/auth/refresh'), 1)
  }
})

t.test('a token of another tab expires in all tabs at the same time', async (t) => {
  const { open, auth, time } = await loggedIn(t)
  const other = open()
  await time.until(other.auth.getAccessToken())
  await time.pass(290_000)
  t.equal(await time.until(auth.getAccessToken()), 'token-3', 'due for both')
  t.equal(await time.until(other.auth.getAccessToken()), 'token-3')
})

t.test('a token message that is older than the token of the tab is ignored', async (t) => {
  const { auth, channels, time } = await loggedIn(t)
  const old = { type: 'token', value: 'old', lifetimeMs: 300_000, expiresAt: START_MS + 200_000 }
  channels.open(CHANNEL).postMessage(old)
  await time.settle()
  t.equal(await time.until(auth.getAccessToken()), 'token-1')
})

t.test(
  'a wall clock that was set back does not make a token valid for longer than its lifetime',
  async (t) => {
    const { open, time, channels } = openBrowser(t)
    const { auth } = open({}, { wallNow: () => START_MS - 86_400_000 })
    channels
      .open(CHANNEL)
      .postMessage({ type: 'login', value: 'a', lifetimeMs: 300_000, expiresAt: START_MS + 300_000 })
    await time.settle()
    t.equal(await time.until(auth.getAccessToken()), 'a')
    await time.pass(301_000)
    t.equal(await time.until(auth.getAccessToken()), 'token-1')
  }
)

t.test('unknown messages are ignored', async (t) => {
  const { auth, channels, time, ends } = await loggedIn(t)
  const other = channels.open(CHANNEL)
  for (const message of [
    ...[undefined, null, 0, 'logout', [], {}, { type: 'ping' }, { type: 'ping', value: 'x' }],
    ...[
      { type: 'login' },
      { type: 'token', value: 1 },
      { type: 'login', value: null },
      { type: 'token', value: 'x' },
      { type: 'login', value: 'x' },
      { type: 'login', value: 'x', lifetimeMs: 300_000 },
      { type: 'login', value: 'x', expiresAt: START_MS }
    ]
  ]) {
    t.doesNotThrow(() => other.postMessage(message))
  }
  await time.settle()
  t.equal(await time.until(auth.getAccessToken()), 'token-1')
  t.same(ends, [])
})

t.test('a logout message contains no token', async (t) => {
  const { auth, channels, time } = await loggedIn(t)
  await time.until(auth.logout())
  t.same(channels.messages.at(-1), { type: 'logout' })
})

t.test('clients with another channel, or without one, do not share the session', async (t) => {
  const { open, time, locks, auth } = await loggedIn(t)
  const named = [open({ channel: 'test 1' }), open({ channel: 'test 1' })] as const
  const alone = open({ channel: false })
  locks.granted = 0
  t.equal(await time.until(named[0].auth.getAccessToken()), 'token-2')
  t.equal(await time.until(named[1].auth.getAccessToken()), 'token-2', 'they share one')
  t.equal(locks.granted, 1)
  t.equal(await time.until(alone.auth.getAccessToken()), 'token-3')
  t.equal(locks.granted, 1, 'a client without a channel takes no lock')
  await time.until(named[0].auth.logout())
  t.same([named[1].ends, alone.ends], [['logout'], []])
  t.equal(await time.until(auth.getAccessToken()), 'token-1')
})

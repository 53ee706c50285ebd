import t from 'tap'
import { customKey } from '../../lib/client/key/custom-key.js'
import type { Prove } from '../../lib/client/key/proving-post.js'
import { json, unauthorized } from './support/scripted-server.js'
import { loggedIn, ORIGIN, openBrowser } from './support/tab.js'

// The client with a key that the application keeps, and a scripted server.

const UNAVAILABLE = { code: 'FRT_ERR_CLIENT_UNAVAILABLE' }

/** A key whose proofs tell what was proved. It counts them, because each proof is used once. */
function countingKey(): ReturnType<typeof customKey> {
  let count = 0
  return customKey(async (...args) => `${++count} ${args.join(' ')}`.trim())
}

const needsNonce = (nonce: string) => () =>
  json(401, { code: 'FRT_ERR_PROOF_NONCE', message: '-' }, { 'dpop-nonce': nonce })

t.test('login, refresh and logout have a new proof each, and guarded requests have none', async (t) => {
  const { auth, server, time } = await loggedIn(t, { key: countingKey() })
  server.expire()
  await time.until(auth.fetch('/me'))
  await time.until(auth.logout())
  t.same(
    server.calls.map(({ path, headers }) => [path, headers.get('dpop')]),
    [
      ['/auth/login', `1 POST ${ORIGIN}/auth/login`],
      ['/me', null],
      ['/auth/refresh', `2 POST ${ORIGIN}/auth/refresh`],
      ['/me', null],
      ['/auth/logout', `3 POST ${ORIGIN}/auth/logout`]
    ]
  )
})

t.test('the second factor of a login has a proof of its URL without the query', async (t) => {
  const { server, time, open } = openBrowser(t)
  const { auth } = open({ key: countingKey() })
  server.script('/auth/code', () => server.issue())
  await time.until(auth.login({ code: 1 }, { path: '/auth/code?next=%2F#form' }))
  t.equal(server.calls[0]?.headers.get('dpop'), `1 POST ${ORIGIN}/auth/code`)
})

t.test('the request is repeated once with the nonce of the server, which later proofs contain', async (t) => {
  const { server, time, open } = openBrowser(t)
  const { auth } = open({ key: countingKey() })
  server.script('/auth/login', needsNonce('first'))
  const response = await time.until(auth.login({ sub: 'ada' }))
  t.equal(response.status, 200)
  await time.until(auth.restore())
  t.same(
    server.calls.map(({ headers }) => headers.get('dpop')),
    [
      `1 POST ${ORIGIN}/auth/login`,
      `2 POST ${ORIGIN}/auth/login first`,
      `3 POST ${ORIGIN}/auth/refresh first`
    ]
  )
})

t.test('the nonce of a successful response replaces the previous one', async (t) => {
  const { auth, server, time } = await loggedIn(t, { key: countingKey() })
  server.script('/auth/refresh', () => {
    const response = server.issue()
    response.headers.set('dpop-nonce', 'next')
    return response
  })
  await time.until(auth.restore())
  await time.until(auth.logout())
  t.equal(server.calls.at(-1)?.headers.get('dpop'), `3 POST ${ORIGIN}/auth/logout next`)
})

t.test('without a key, requests have no proof', async (t) => {
  const { auth, server, time } = await loggedIn(t, { key: customKey(async () => null) })
  await time.until(auth.logout())
  t.same(
    server.calls.map(({ headers }) => headers.has('dpop')),
    [false, false]
  )
})

const faults: Record<string, Prove> = {
  rejects: async () => {
    throw new Error('the keystore is locked')
  },
  'throws at once': () => {
    throw new Error('the keystore is locked')
  },
  hangs: () => new Promise(() => {})
}
for (const [name, fault] of Object.entries(faults)) {
  t.test(
    `if the function of the application ${name}, no request is sent, and the session continues`,
    async (t) => {
      let prove: Prove = async () => 'proof'
      const key = customKey((...args) => prove(...args))
      const { auth, ends, server, time } = await loggedIn(t, { key })
      prove = fault
      server.expire()
      const message = `POST ${ORIGIN}/auth/refresh: no proof`
      await t.rejects(time.until(auth.fetch('/me')), { ...UNAVAILABLE, message })
      await t.rejects(time.until(auth.login({ sub: 'grace' })), UNAVAILABLE)
      t.same(server.paths, ['/auth/login', '/me'])
      t.same(ends, [])
      await t.rejects(time.until(auth.logout()), UNAVAILABLE)
      prove = async () => 'proof'
      await time.until(auth.logout())
      t.same(server.paths, ['/auth/login', '/me', '/auth/logout'])
      t.same(ends, ['logout'])
    }
  )
}

for (const code of ['FRT_ERR_PROOF_INVALID', 'FRT_ERR_PROOF_NONCE']) {
  t.test(`a second ${code} is not repeated, and the session continues`, async (t) => {
    const { auth, ends, server, time } = await loggedIn(t, { key: countingKey() })
    server.expire()
    const reject = () => unauthorized(code)
    server.script('/auth/refresh', reject, reject)
    const message = `POST ${ORIGIN}/auth/refresh: 401 ${code}`
    await t.rejects(time.until(auth.fetch('/me')), { ...UNAVAILABLE, message })
    server.script('/auth/login', reject, reject)
    await t.rejects(time.until(auth.login({ sub: 'grace' })), UNAVAILABLE, 'and not a 401 as of a password')
    t.equal(server.count('/auth/refresh'), 2)
    t.equal(server.count('/auth/login'), 3)
    t.same(ends, [])
    t.equal((await time.until(auth.fetch('/me'))).status, 200)
  })
}

for (const code of ['FRT_ERR_PROOF_REQUIRED', 'FRT_ERR_PROOF_KEY_MISMATCH']) {
  t.test(`${code} ends the session with this reason`, async (t) => {
    const { auth, ends, server, time } = await loggedIn(t, { key: countingKey() })
    server.expire()
    server.script('/auth/refresh', () => unauthorized(code))
    t.equal((await time.until(auth.fetch('/me'))).status, 401)
    t.same(ends, [code])
    t.match(auth.snapshot(), { status: 'anonymous', reason: code })
  })
}

t.test('a login aborts a refresh that waits for its proof', async (t) => {
  let prove: Prove = async () => 'proof'
  const { auth, server, time } = await loggedIn(t, { key: customKey((...args) => prove(...args)) })
  prove = () => new Promise(() => {})
  server.expire()
  const call = auth.fetch('/me').catch((error) => error)
  await time.settle()
  prove = async () => 'proof'
  t.equal((await time.until(auth.login({ sub: 'ada' }))).status, 200)
  await time.until(call)
  t.equal(server.count('/auth/refresh'), 0)
})

import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { type AccessTokenKey, type AccessTokenOptions, fastifyRefreshToken } from '../../lib/index.js'
import { thumbprint } from '../../lib/tokens/keys/jwk.js'
import { type AppUnderTest, buildApp, SECRET } from '../support/build-app.js'
import { GENERATE, KEY_ALGORITHMS, type Pair, publicPem } from '../support/key-pairs.js'
import { deferred } from '../support/timers.js'

const invalid = { code: 'FRT_ERR_ACCESS_TOKEN_INVALID' }
const [a, b, c] = [GENERATE.EdDSA(), GENERATE.EdDSA(), GENERATE.EdDSA()]

/** Builds an app with EdDSA. */
function appWith(t: Test, accessToken: AccessTokenOptions): Promise<AppUnderTest> {
  return buildApp(t, { options: { accessToken: { algorithm: 'EdDSA', ...accessToken } } })
}

async function tokenOf({ sessions }: FastifyInstance): Promise<string> {
  return (await sessions.create({ sub: 'ada' })).accessToken
}

/** Returns the kid of the key that signs. */
async function signer(app: FastifyInstance): Promise<string> {
  return JSON.parse(Buffer.from((await tokenOf(app)).split('.')[0] ?? '', 'base64url').toString()).kid
}

function kidOf({ publicKey }: Pair): string {
  return thumbprint(publicKey)
}

for (const algorithm of KEY_ALGORITHMS) {
  t.test(`${algorithm}: each token is accepted until its key is removed`, async (t) => {
    const [old, fresh] = [GENERATE[algorithm](), GENERATE[algorithm]()]
    const { app } = await appWith(t, { algorithm, keys: [old.privateKey] })
    const tokens = [await tokenOf(app)]
    const verified = () => Promise.all(tokens.map((token) => app.sessions.verify(token)))
    for (const keys of [
      [old.privateKey, publicPem(fresh)],
      [fresh.privateKey, publicPem(old)]
    ]) {
      await app.sessions.rotateKeys(keys)
      tokens.push(await tokenOf(app))
      t.equal((await verified()).length, tokens.length)
    }
    await app.sessions.rotateKeys([fresh.privateKey])
    const [first = '', second = '', third = ''] = tokens
    // Both were verified before, and are in the cache.
    await t.rejects(app.sessions.verify(first), invalid)
    await t.rejects(app.sessions.verify(second), invalid)
    t.equal((await app.sessions.verify(third)).sub, 'ada')
  })
}

for (const [when, wrap] of Object.entries({
  synchronously: (keys: AccessTokenKey[]) => keys,
  asynchronously: async (keys: AccessTokenKey[]) => keys
})) {
  t.test(`a key source that returns ${when} is called at registration and by rotateKeys()`, async (t) => {
    let keys = [a.privateKey]
    let calls = 0
    const { app } = await appWith(t, {
      keys() {
        calls++
        return wrap(keys)
      }
    })
    t.equal(await signer(app), kidOf(a))
    t.equal(calls, 1)
    keys = [b.privateKey]
    t.equal(await signer(app), kidOf(a))
    await app.sessions.rotateKeys()
    t.equal(await signer(app), kidOf(b))
    await app.sessions.rotateKeys([c.privateKey])
    t.equal(await signer(app), kidOf(c))
    t.equal(calls, 2, 'not called by rotateKeys(keys)')
  })
}

const INVALID_KEYS: [keys: unknown, message: RegExp][] = [
  [null, /^option "accessToken\.keys" must be an array$/],
  [a.privateKey, /^option "accessToken\.keys" must be an array$/],
  [[], /^option "accessToken\.keys" must be one or more keys for EdDSA/],
  [['not a key'], /^option "accessToken\.keys\[0\]" must be a private or public key/],
  [[a.publicKey, b.privateKey], /^option "accessToken\.keys\[0\]" must be a private key/],
  [
    [b.privateKey, GENERATE.ES256().privateKey],
    /^option "accessToken\.keys\[1\]" must be an Ed25519 key for EdDSA$/
  ],
  [[b.privateKey, b.publicKey], /^option "accessToken\.keys\[1\]" must be a key with a unique kid$/]
]

t.test('keys of a source are checked like the option', async (t) => {
  for (const [keys, message] of [[undefined, /an array/] as const, ...INVALID_KEYS]) {
    const app = Fastify()
    t.after(() => app.close())
    const options = { accessToken: { algorithm: 'EdDSA', keys: async () => keys as [] } } as const
    await t.rejects(
      Promise.resolve(
        app.register(fastifyRefreshToken, { secret: SECRET, routes: { login: false }, ...options })
      ),
      { code: 'FRT_ERR_INVALID_OPTION', message }
    )
  }
})

t.test('invalid keys change nothing', async (t) => {
  let sourceKeys: unknown = [a.privateKey]
  const { app, logs } = await appWith(t, { keys: () => sourceKeys as [] })
  const token = await tokenOf(app)
  for (const [keys, message] of INVALID_KEYS) {
    await t.rejects(app.sessions.rotateKeys(keys as []), { code: 'FRT_ERR_INVALID_OPTION', message })
    sourceKeys = keys
    await t.rejects(app.sessions.rotateKeys(), { code: 'FRT_ERR_INVALID_OPTION', message })
    t.equal((await app.sessions.verify(token)).sub, 'ada')
    t.equal(await signer(app), kidOf(a))
  }
  t.notOk(logs.some(({ event }) => event === 'keys_rotated'))
})

t.test('an error of the source passes through and changes nothing', async (t) => {
  const error = new Error('the vault is locked')
  let isLocked = false
  const { app } = await appWith(t, {
    async keys() {
      if (isLocked) throw error
      return [a.privateKey]
    }
  })
  isLocked = true
  await t.rejects(app.sessions.rotateKeys(), error)
  t.equal(await signer(app), kidOf(a))

  const other = Fastify()
  t.after(() => other.close())
  const accessToken = { algorithm: 'EdDSA', keys: () => Promise.reject(error) } as const
  const registered = other.register(fastifyRefreshToken, {
    secret: SECRET,
    routes: { login: false },
    accessToken
  })
  await t.rejects(Promise.resolve(registered), error)
})

t.test('rotateKeys() without a source throws', async (t) => {
  const { app } = await appWith(t, { keys: [a.privateKey] })
  await t.rejects(app.sessions.rotateKeys(), {
    code: 'FRT_ERR_INVALID_OPTION',
    message: 'rotateKeys() needs an argument, because accessToken.keys is not a function'
  })
})

t.test('rotateKeys() throws with HS256', async (t) => {
  const { app } = await buildApp(t)
  const token = await tokenOf(app)
  for (const keys of [undefined, [a.privateKey]]) {
    await t.rejects(app.sessions.rotateKeys(keys), {
      code: 'FRT_ERR_INVALID_OPTION',
      message: /^rotateKeys\(\) needs an accessToken\.algorithm other than HS256/
    })
  }
  t.equal((await app.sessions.verify(token)).sub, 'ada')
})

t.test(
  'of two concurrent rotations the later one counts, even if the earlier one gets its keys last',
  async (t) => {
    const firstDelay = deferred<void>()
    const secondDelay = deferred<void>()
    const results: [Promise<void> | undefined, Pair][] = [
      [undefined, a],
      [firstDelay.promise, b],
      [undefined, c],
      [secondDelay.promise, b]
    ]
    const { app } = await appWith(t, {
      async keys() {
        const [delay, pair] = results.shift() ?? [undefined, a]
        await delay
        return [pair.privateKey]
      }
    })
    const earlier = app.sessions.rotateKeys()
    await app.sessions.rotateKeys()
    firstDelay.resolve()
    await earlier
    t.equal(await signer(app), kidOf(c))

    const another = app.sessions.rotateKeys()
    await app.sessions.rotateKeys([c.privateKey])
    secondDelay.resolve()
    await another
    t.equal(await signer(app), kidOf(c), 'even if the later one changed nothing')
  }
)

t.test('a source that hangs does not block other rotations', async (t) => {
  let hangs = false
  const { app } = await appWith(t, { keys: () => (hangs ? new Promise(() => {}) : [a.privateKey]) })
  hangs = true
  void app.sessions.rotateKeys()
  await app.sessions.rotateKeys([b.privateKey])
  t.equal(await signer(app), kidOf(b))
  hangs = false
  await app.sessions.rotateKeys()
  t.equal(await signer(app), kidOf(a))
})

t.test('tokens stay valid while keys are rotated under load', async (t) => {
  const { app } = await appWith(t, { keys: [a.privateKey, b.publicKey] })
  const sets = [
    [b.privateKey, a.publicKey],
    [a.privateKey, b.publicKey]
  ]
  let isOver = false
  const use = async () => {
    let used = 0
    for (; !isOver; used++) {
      const headers = { authorization: `Bearer ${await tokenOf(app)}` }
      t.equal((await app.inject({ url: '/me', headers })).statusCode, 200)
    }
    return used
  }
  const users = Array.from({ length: 5 }, use)
  for (let i = 0; i < 10; i++) await app.sessions.rotateKeys(sets[i % 2])
  isOver = true
  t.ok(Math.min(...(await Promise.all(users))) > 0)
})

t.test('a rotation is logged with its kids, and equal keys are not logged', async (t) => {
  const { app, logs, rawLogs } = await appWith(t, { keys: () => [a.privateKey] })
  await app.sessions.rotateKeys()
  await app.sessions.rotateKeys([a.privateKey])
  const rotations = () => logs.filter(({ event }) => event === 'keys_rotated').map(({ kids }) => kids)
  t.same(rotations(), [])
  const jwk = { ...a.privateKey.export({ format: 'jwk' }), kid: 'another-name' }
  const different: AccessTokenKey[][] = [
    [a.privateKey, b.publicKey],
    [a.privateKey, b.privateKey],
    [b.privateKey, a.privateKey],
    [jwk]
  ]
  for (const keys of different) await app.sessions.rotateKeys(keys)
  t.same(rotations(), [[kidOf(a), kidOf(b)], [kidOf(a), kidOf(b)], [kidOf(b), kidOf(a)], ['another-name']])
  t.notOk(rawLogs().includes(String(jwk.d)))
})

t.test('a rotation to a key of another registration is rejected', async (t) => {
  const app = Fastify()
  t.after(() => app.close())
  const scopes: FastifyInstance[] = []
  for (const [i, pair] of [a, b].entries()) {
    app.register(async (scope) => {
      await scope.register(fastifyRefreshToken, {
        secret: SECRET,
        keyPrefix: `${i}:`,
        routes: { prefix: `/${i}`, login: false },
        accessToken: { algorithm: 'EdDSA', keys: async () => [pair.privateKey] }
      })
      scopes.push(scope)
    })
  }
  await app.ready()
  const [one, other] = scopes as [FastifyInstance, FastifyInstance]
  const rejected = {
    code: 'FRT_ERR_INVALID_OPTION',
    message: /^option "accessToken\.keys" has a key of another registration in this app/
  }
  await t.rejects(one.sessions.rotateKeys([a.privateKey, b.publicKey]), rejected)
  t.equal(await signer(one), kidOf(a))
  await t.rejects(one.sessions.verify(await tokenOf(other)), invalid)
  await t.rejects(other.sessions.rotateKeys([a.privateKey]), rejected)

  await one.sessions.rotateKeys([c.privateKey])
  await other.sessions.rotateKeys([a.privateKey])
  t.equal(await signer(other), kidOf(a), 'another registration can use a removed key')
  await t.rejects(other.sessions.rotateKeys([c.privateKey]), rejected)
})

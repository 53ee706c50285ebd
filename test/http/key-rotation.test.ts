import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { type AccessTokenKey, type AccessTokenOptions, fastifyRefreshToken } from '../../lib/index.js'
import { thumbprint } from '../../lib/tokens/keys/jwk.js'
import { type AppUnderTest, buildApp, SECRET } from '../support/build-app.js'
import { GENERATE, KEY_ALGORITHMS, type Pair, publicPem } from '../support/key-pairs.js'
import { deferred } from '../support/timers.js'

const invalid = { code: 'FRT_ERR_ACCESS_TOKEN_INVALID' }
const [a, b, c] = [GENERATE.EdDSA(), GENERATE.EdDSA(), GENERATE.EdDSA()]

/** With EdDSA. */
function appWith(t: Test, accessToken: AccessTokenOptions): Promise<AppUnderTest> {
  return buildApp(t, { options: { accessToken: { algorithm: 'EdDSA', ...accessToken } } })
}

async function tokenOf({ sessions }: FastifyInstance): Promise<string> {
  return (await sessions.create({ sub: 'ada' })).accessToken
}

/** Which key signs, by its token's header. */
async function signer(app: FastifyInstance): Promise<string> {
  return JSON.parse(Buffer.from((await tokenOf(app)).split('.')[0] ?? '', 'base64url').toString()).kid
}

function kidOf({ publicKey }: Pair): string {
  return thumbprint(publicKey)
}

for (const algorithm of KEY_ALGORITHMS) {
  t.test(`${algorithm}: add, sign, retire: no token is refused before its key retires`, async (t) => {
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
    // Both were verified before, and are remembered.
    await t.rejects(app.sessions.verify(first), invalid)
    await t.rejects(app.sessions.verify(second), invalid)
    t.equal((await app.sessions.verify(third)).sub, 'ada')
  })
}

for (const [when, wrap] of Object.entries({
  'at once': (keys: AccessTokenKey[]) => keys,
  later: async (keys: AccessTokenKey[]) => keys
})) {
  t.test(`a source that answers ${when} is asked at registration, and whenever it is to be`, async (t) => {
    let keys = [a.privateKey]
    let asked = 0
    const { app } = await appWith(t, {
      keys() {
        asked++
        return wrap(keys)
      }
    })
    t.equal(await signer(app), kidOf(a))
    t.equal(asked, 1)
    keys = [b.privateKey]
    t.equal(await signer(app), kidOf(a))
    await app.sessions.rotateKeys()
    t.equal(await signer(app), kidOf(b))
    await app.sessions.rotateKeys([c.privateKey])
    t.equal(await signer(app), kidOf(c))
    t.equal(asked, 2, 'not where the keys were given')
  })
}

const BAD: [keys: unknown, message: RegExp][] = [
  [null, /^accessToken\.keys must be an array$/],
  [a.privateKey, /^accessToken\.keys must be an array$/],
  [[], /^accessToken\.keys must be one key for EdDSA/],
  [['no key'], /^accessToken\.keys\[0\] must be a private or public key/],
  [[a.publicKey, b.privateKey], /^accessToken\.keys\[0\] must be a private key/],
  [[b.privateKey, GENERATE.ES256().privateKey], /^accessToken\.keys\[1\] must be an Ed25519 key, for EdDSA$/],
  [[b.privateKey, b.publicKey], /^accessToken\.keys\[1\] must be a key whose kid no other has$/]
]

t.test('what a source gives is checked as the option is', async (t) => {
  for (const [keys, message] of [[undefined, /an array/] as const, ...BAD]) {
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

t.test('bad keys change nothing', async (t) => {
  let given: unknown = [a.privateKey]
  const { app, logs } = await appWith(t, { keys: () => given as [] })
  const token = await tokenOf(app)
  for (const [keys, message] of BAD) {
    await t.rejects(app.sessions.rotateKeys(keys as []), { code: 'FRT_ERR_INVALID_OPTION', message })
    given = keys
    await t.rejects(app.sessions.rotateKeys(), { code: 'FRT_ERR_INVALID_OPTION', message })
    t.equal((await app.sessions.verify(token)).sub, 'ada')
    t.equal(await signer(app), kidOf(a))
  }
  t.notOk(logs.some(({ event }) => event === 'keys_rotated'))
})

t.test('what a source throws passes through, and changes nothing', async (t) => {
  const error = new Error('the vault is sealed')
  let isSealed = false
  const { app } = await appWith(t, {
    async keys() {
      if (isSealed) throw error
      return [a.privateKey]
    }
  })
  isSealed = true
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

t.test('without a source there is nobody to ask', async (t) => {
  const { app } = await appWith(t, { keys: [a.privateKey] })
  await t.rejects(app.sessions.rotateKeys(), {
    code: 'FRT_ERR_INVALID_OPTION',
    message: 'rotateKeys() must be given keys: accessToken.keys is no function that could be asked'
  })
})

t.test('the keys of HS256 come from the secret', async (t) => {
  const { app } = await buildApp(t)
  const token = await tokenOf(app)
  for (const keys of [undefined, [a.privateKey]]) {
    await t.rejects(app.sessions.rotateKeys(keys), {
      code: 'FRT_ERR_INVALID_OPTION',
      message: /^accessToken\.algorithm must be another than 'HS256' for rotateKeys\(\)/
    })
  }
  t.equal((await app.sessions.verify(token)).sub, 'ada')
})

t.test(
  'of two rotations at a time the later one counts, though the earlier one gets its keys last',
  async (t) => {
    const late = deferred<void>()
    const later = deferred<void>()
    const answers: [Promise<void> | undefined, Pair][] = [
      [undefined, a],
      [late.promise, b],
      [undefined, c],
      [later.promise, b]
    ]
    const { app } = await appWith(t, {
      async keys() {
        const [comes, pair] = answers.shift() ?? [undefined, a]
        await comes
        return [pair.privateKey]
      }
    })
    const earlier = app.sessions.rotateKeys()
    await app.sessions.rotateKeys()
    late.resolve()
    await earlier
    t.equal(await signer(app), kidOf(c))

    const another = app.sessions.rotateKeys()
    await app.sessions.rotateKeys([c.privateKey])
    later.resolve()
    await another
    t.equal(await signer(app), kidOf(c), 'also where the later one changed nothing')
  }
)

t.test('a source that hangs keeps nobody from rotating', async (t) => {
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

t.test('while keys change under load, each token is good by the set that it meets', async (t) => {
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
  for (let i = 0; i < 40; i++) await app.sessions.rotateKeys(sets[i % 2])
  isOver = true
  t.ok(Math.min(...(await Promise.all(users))) > 0)
})

t.test('a rotation is logged by kids, and one that changes nothing is none', async (t) => {
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

t.test('two instances of one app are kept apart through rotations', async (t) => {
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
  const refused = {
    code: 'FRT_ERR_INVALID_OPTION',
    message: /^accessToken\.keys must be others than those of another registration in this app, unless /
  }
  await t.rejects(one.sessions.rotateKeys([a.privateKey, b.publicKey]), refused)
  t.equal(await signer(one), kidOf(a))
  await t.rejects(one.sessions.verify(await tokenOf(other)), invalid)
  await t.rejects(other.sessions.rotateKeys([a.privateKey]), refused)

  await one.sessions.rotateKeys([c.privateKey])
  await other.sessions.rotateKeys([a.privateKey])
  t.equal(await signer(other), kidOf(a), 'a key that one has given up is free')
  await t.rejects(other.sessions.rotateKeys([c.privateKey]), refused)
})

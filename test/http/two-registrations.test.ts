import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { type AccessTokenOptions, fastifyRefreshToken } from '../../lib/index.js'
import { GENERATE } from '../support/key-pairs.js'

const secret = 'a secret of thirty-two bytes, so'
const { privateKey, publicKey } = GENERATE.EdDSA()
const another = GENERATE.EdDSA()

/** Two instances in two scopes of one app: whether each takes the token of the other. */
async function crossed(t: Test, ...given: [AccessTokenOptions, AccessTokenOptions]): Promise<boolean[]> {
  const app = Fastify()
  t.teardown(() => app.close())
  const instances: FastifyInstance[] = []
  for (const [i, accessToken] of given.entries()) {
    app.register(async (scope) => {
      await scope.register(fastifyRefreshToken, {
        secret,
        keyPrefix: `${i}:`,
        routes: { prefix: `/${i}`, login: false },
        revocation: { mode: 'none' },
        accessToken: { algorithm: 'EdDSA', ...accessToken }
      })
      instances.push(scope)
    })
  }
  await app.ready()
  const tokens = await Promise.all(instances.map(({ sessions }) => sessions.create({ sub: 'ada' })))
  const accepts = (verifier: number, signer: number) =>
    instances[verifier]?.sessions.verify(tokens[signer]?.accessToken ?? '').then(
      () => true,
      () => false
    ) ?? Promise.reject()
  t.ok((await accepts(0, 0)) && (await accepts(1, 1)), 'each takes its own')
  return Promise.all([accepts(0, 1), accepts(1, 0)])
}

t.test('two instances with keys of their own refuse each other', async (t) => {
  t.same(await crossed(t, { keys: [privateKey] }, { keys: [another.privateKey] }), [false, false])
})

t.test('two instances with one key do so by audience or issuer', async (t) => {
  const keys = [privateKey]
  const apart: [AccessTokenOptions, AccessTokenOptions][] = [
    [{ audience: 'customers' }, { audience: 'staff' }],
    [{ issuer: 'https://a.example' }, { issuer: 'https://b.example' }],
    [
      { issuer: 'https://a.example', audience: 'api' },
      { issuer: 'https://b.example', audience: 'api' }
    ]
  ]
  for (const [one, other] of apart) {
    t.same(await crossed(t, { keys, ...one }, { keys, ...other }), [false, false])
  }
})

t.test('two instances with one key that would take the tokens of each other are an error', async (t) => {
  const keys = [privateKey]
  const wrong: [AccessTokenOptions, AccessTokenOptions][] = [
    [{ keys }, { keys }],
    [{ keys }, { keys: [another.privateKey, publicKey] }],
    [{ keys }, { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'another-name' }] }],
    [
      { keys, audience: 'api' },
      { keys, audience: 'api' }
    ],
    [{ keys, audience: 'api' }, { keys }],
    [{ keys }, { keys, issuer: 'https://a.example' }],
    [
      { keys, audience: 'api' },
      { keys, issuer: 'https://a.example' }
    ]
  ]
  for (const [one, other] of wrong) {
    await t.rejects(crossed(t, one, other), {
      code: 'FRT_ERR_INVALID_OPTION',
      message: /^accessToken\.keys must be others than those of another registration in this app, unless /
    })
  }
})

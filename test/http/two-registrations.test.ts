import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { type AccessTokenOptions, fastifyRefreshToken } from '../../lib/index.js'
import { GENERATE } from '../support/key-pairs.js'

const secret = 'a secret of thirty-two bytes, so'
const { privateKey, publicKey } = GENERATE.EdDSA()
const another = GENERATE.EdDSA()

/** Registers the plugin in two scopes of one app. Returns whether each registration accepts the token of the other. */
async function acceptEachOther(
  t: Test,
  ...options: [AccessTokenOptions, AccessTokenOptions]
): Promise<boolean[]> {
  const app = Fastify()
  t.teardown(() => app.close())
  const instances: FastifyInstance[] = []
  for (const [i, accessToken] of options.entries()) {
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

t.test('two registrations with different keys reject tokens of each other', async (t) => {
  t.same(await acceptEachOther(t, { keys: [privateKey] }, { keys: [another.privateKey] }), [false, false])
})

t.test('two registrations with one key reject tokens of each other by audience or issuer', async (t) => {
  const keys = [privateKey]
  const apart: [AccessTokenOptions, AccessTokenOptions][] = [
    [{ audience: 'customers' }, { audience: 'staff' }],
    [{ audience: ['customers', 'partners'] }, { audience: ['staff'] }],
    [{ issuer: 'https://a.example' }, { issuer: 'https://b.example' }],
    [
      { issuer: 'https://a.example', audience: 'api' },
      { issuer: 'https://b.example', audience: 'api' }
    ]
  ]
  for (const [one, other] of apart) {
    t.same(await acceptEachOther(t, { keys, ...one }, { keys, ...other }), [false, false])
  }
})

t.test('two registrations with one key and without distinct audiences are an error', async (t) => {
  const keys = [privateKey]
  const invalid: [AccessTokenOptions, AccessTokenOptions][] = [
    [{ keys }, { keys }],
    [{ keys }, { keys: [another.privateKey, publicKey] }],
    [{ keys }, { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'another-name' }] }],
    [
      { keys, audience: 'api' },
      { keys, audience: 'api' }
    ],
    [
      { keys, audience: ['api', 'customers'] },
      { keys, audience: ['staff', 'api'] }
    ],
    [
      { keys, audience: ['api', 'customers'] },
      { keys, audience: 'api' }
    ],
    [{ keys, audience: 'api' }, { keys }],
    [{ keys }, { keys, issuer: 'https://a.example' }],
    [
      { keys, audience: 'api' },
      { keys, issuer: 'https://a.example' }
    ]
  ]
  for (const [one, other] of invalid) {
    await t.rejects(acceptEachOther(t, one, other), {
      code: 'FRT_ERR_INVALID_OPTION',
      message: /^option "accessToken\.keys" has a key of another registration in this app/
    })
  }
})

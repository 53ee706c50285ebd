import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { resolveOptions } from '../../../../lib/options/resolve.js'
import { thumbprint } from '../../../../lib/tokens/keys/jwk.js'
import {
  GENERATE,
  KEY_ALGORITHMS,
  type KeyAlgorithm,
  privatePem,
  publicPem
} from '../../../support/key-pairs.js'

const secret = 'a secret of thirty-two bytes, so'
const pairs = { EdDSA: GENERATE.EdDSA(), ES256: GENERATE.ES256(), RS256: GENERATE.RS256() }

function resolve(accessToken: object) {
  return resolveOptions({ secret, routes: { login: false }, accessToken }).accessToken
}

function rejects(t: Test, accessToken: object, message: string): void {
  t.throws(() => resolve(accessToken), { code: 'FRT_ERR_INVALID_OPTION', message }, message)
}

for (const algorithm of KEY_ALGORITHMS) {
  const pair = pairs[algorithm]

  t.test(`${algorithm}: a key is accepted in each form, and its kid is its thumbprint`, async (t) => {
    const forms = [
      privatePem(pair),
      Buffer.from(privatePem(pair)),
      pair.privateKey,
      pair.privateKey.export({ format: 'jwk' })
    ]
    for (const form of forms) {
      const { keys } = resolve({ algorithm, keys: [form] })
      t.match(keys, [{ algorithm, kid: thumbprint(pair.publicKey) }])
      t.ok(keys?.[0].publicKey.equals(pair.publicKey))
      t.ok(keys?.[0].privateKey?.equals(pair.privateKey))
      t.ok(Object.isFrozen(keys) && Object.isFrozen(keys?.[0]))
    }
  })

  t.test(`${algorithm}: a public key is accepted in each form`, async (t) => {
    const { publicKey } = pair
    for (const form of [
      publicPem(pair),
      Buffer.from(publicPem(pair)),
      publicKey,
      publicKey.export({ format: 'jwk' })
    ]) {
      const second = resolve({ algorithm, keys: [GENERATE[algorithm]().privateKey, form] }).keys?.[1]
      t.ok(second?.publicKey.equals(publicKey))
      t.equal(second?.privateKey, undefined)
      t.equal(second?.kid, thumbprint(publicKey))
    }
  })

  t.test(`${algorithm}: the first key must be private`, async (t) => {
    const keys = [pair.publicKey, GENERATE[algorithm]().privateKey]
    rejects(
      t,
      { algorithm, keys },
      'option "accessToken.keys[0]" must be a private key, because the first key signs'
    )
  })
}

t.test('a key of another kind is rejected at each position', async (t) => {
  const expected: Record<KeyAlgorithm, string> = {
    EdDSA: 'an Ed25519 key for EdDSA',
    ES256: 'an EC key on the curve P-256 for ES256',
    RS256: 'an RSA key of at least 2048 bits for RS256'
  }
  const invalid: Record<KeyAlgorithm, { privateKey: unknown; publicKey: unknown }[]> = {
    EdDSA: [pairs.ES256, pairs.RS256, generateKeyPairSync('ed448'), generateKeyPairSync('x25519')],
    ES256: [
      pairs.EdDSA,
      pairs.RS256,
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      // Also a curve of 256 bits.
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
    ],
    RS256: [
      pairs.EdDSA,
      pairs.ES256,
      generateKeyPairSync('rsa', { modulusLength: 1024 }),
      generateKeyPairSync('rsa', { modulusLength: 2047 }),
      generateKeyPairSync('rsa-pss', { modulusLength: 2048 })
    ]
  }
  for (const algorithm of KEY_ALGORITHMS) {
    for (const { privateKey, publicKey } of invalid[algorithm]) {
      rejects(
        t,
        { algorithm, keys: [privateKey] },
        `option "accessToken.keys[0]" must be ${expected[algorithm]}`
      )
      const keys = [pairs[algorithm].privateKey, publicKey]
      rejects(t, { algorithm, keys }, `option "accessToken.keys[1]" must be ${expected[algorithm]}`)
    }
  }
})

t.test('an invalid key is rejected, and the message does not contain it', async (t) => {
  const expected = 'a private or public key: an unencrypted PEM, a KeyObject, or a JWK'
  const { privateKey } = pairs.ES256
  const { x: _, ...jwk } = privateKey.export({ format: 'jwk' })
  const invalid = [
    undefined,
    null,
    1,
    {},
    [privateKey],
    { key: privateKey },
    secret,
    createSecretKey(Buffer.from(secret)),
    createSecretKey(Buffer.from(secret)).export({ format: 'jwk' }),
    jwk,
    { ...jwk, x: jwk.y },
    JSON.stringify(jwk)
  ]
  for (const value of invalid) {
    rejects(t, { algorithm: 'ES256', keys: [value] }, `option "accessToken.keys[0]" must be ${expected}`)
    rejects(
      t,
      { algorithm: 'ES256', keys: [privateKey, value] },
      `option "accessToken.keys[1]" must be ${expected}`
    )
  }
})

t.test('the kid of a JWK is used', async (t) => {
  const jwk = pairs.EdDSA.privateKey.export({ format: 'jwk' })
  const kids = ['2030-01', 'a', '~'.repeat(128), '__proto__']
  for (const kid of kids) t.equal(resolve({ algorithm: 'EdDSA', keys: [{ ...jwk, kid }] }).keys?.[0].kid, kid)
  for (const kid of ['', 'a b', 'é', 'x'.repeat(129), 'a\n', 1, null, {}]) {
    rejects(
      t,
      { algorithm: 'EdDSA', keys: [{ ...jwk, kid }] },
      'option "accessToken.keys[0].kid" must be 1 to 128 ASCII characters without spaces'
    )
  }
})

t.test('each kid must be unique', async (t) => {
  const message = 'option "accessToken.keys[2]" must be a key with a unique kid'
  const [first, other] = [GENERATE.EdDSA(), GENERATE.EdDSA()]
  const withKid = (kid: string, { privateKey } = first) => ({ ...privateKey.export({ format: 'jwk' }), kid })
  const { privateKey, publicKey } = first
  for (const last of [privateKey, publicKey, other.publicKey, withKid(thumbprint(publicKey), other)]) {
    rejects(t, { algorithm: 'EdDSA', keys: [privateKey, other.privateKey, last] }, message)
  }
  const { keys } = resolve({ algorithm: 'EdDSA', keys: [withKid('new'), privateKey] })
  t.same(
    keys?.map(({ kid }) => kid),
    ['new', thumbprint(publicKey)],
    'one key may have two key ids'
  )
})

t.test('a JWK for another use or algorithm is rejected', async (t) => {
  const jwkOf = (algorithm: KeyAlgorithm) => pairs[algorithm].privateKey.export({ format: 'jwk' })
  const valid: [KeyAlgorithm, object][] = [
    ['RS256', { alg: 'RS256', use: 'sig' }],
    ['ES256', { alg: 'ES256' }],
    ['EdDSA', { alg: 'EdDSA' }],
    ['EdDSA', { alg: 'Ed25519' }]
  ]
  for (const [algorithm, labels] of valid) {
    t.equal(resolve({ algorithm, keys: [{ ...jwkOf(algorithm), ...labels }] }).keys?.length, 1)
  }
  for (const labels of [{ alg: 'RS512' }, { alg: 'PS256' }, { alg: null }, { use: 'enc' }, { use: 1 }]) {
    rejects(
      t,
      { algorithm: 'RS256', keys: [{ ...jwkOf('RS256'), ...labels }] },
      'option "accessToken.keys[0]" must be a key whose use and alg allow RS256'
    )
  }
})

t.test('the algorithm decides whether keys are required or not allowed', async (t) => {
  const { privateKey } = pairs.EdDSA
  const notAllowed =
    'option "accessToken.keys" is not allowed with HS256, because its keys are derived from the secret'
  for (const keys of [[privateKey], []]) {
    rejects(t, { keys }, notAllowed)
    rejects(t, { algorithm: 'HS256', keys }, notAllowed)
  }
  t.equal(resolve({}).keys, undefined)
  for (const algorithm of KEY_ALGORITHMS) {
    const required = `option "accessToken.keys" must be one or more keys for ${algorithm}. The first one signs, and all verify`
    for (const missing of [{}, { keys: undefined }, { keys: [] }])
      rejects(t, { algorithm, ...missing }, required)
  }
  for (const keys of [privateKey, privatePem(pairs.EdDSA), { keys: [privateKey] }, null]) {
    rejects(
      t,
      { algorithm: 'EdDSA', keys },
      'option "accessToken.keys" must be an array, or a function that returns one'
    )
  }
})

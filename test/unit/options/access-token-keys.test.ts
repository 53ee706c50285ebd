import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { resolveOptions } from '../../../lib/options/resolve.js'
import { thumbprint } from '../../../lib/tokens/keys/jwk.js'
import {
  GENERATE,
  KEY_ALGORITHMS,
  type KeyAlgorithm,
  privatePem,
  publicPem
} from '../../support/key-pairs.js'

const secret = 'a secret of thirty-two bytes, so'
const pairs = { EdDSA: GENERATE.EdDSA(), ES256: GENERATE.ES256(), RS256: GENERATE.RS256() }

function resolve(accessToken: object) {
  return resolveOptions({ secret, routes: { login: false }, accessToken }).accessToken
}

function refuses(t: Test, accessToken: object, message: string): void {
  t.throws(() => resolve(accessToken), { code: 'FRT_ERR_INVALID_OPTION', message }, message)
}

for (const algorithm of KEY_ALGORITHMS) {
  const pair = pairs[algorithm]

  t.test(`${algorithm}: a key comes in any form, and its kid is its thumbprint`, async (t) => {
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

  t.test(`${algorithm}: the public half comes in any form, too`, async (t) => {
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

  t.test(`${algorithm}: the first key is private`, async (t) => {
    const keys = [pair.publicKey, GENERATE[algorithm]().privateKey]
    refuses(t, { algorithm, keys }, 'accessToken.keys[0] must be a private key: the first one signs')
  })
}

t.test('a key of another kind is refused, at each place', async (t) => {
  const right: Record<KeyAlgorithm, string> = {
    EdDSA: 'an Ed25519 key, for EdDSA',
    ES256: 'an EC key on the curve P-256, for ES256',
    RS256: 'an RSA key of at least 2048 bits, for RS256'
  }
  const wrong: Record<KeyAlgorithm, { privateKey: unknown; publicKey: unknown }[]> = {
    EdDSA: [pairs.ES256, pairs.RS256, generateKeyPairSync('ed448'), generateKeyPairSync('x25519')],
    ES256: [
      pairs.EdDSA,
      pairs.RS256,
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      // Of 256 bits, too.
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
    for (const { privateKey, publicKey } of wrong[algorithm]) {
      refuses(t, { algorithm, keys: [privateKey] }, `accessToken.keys[0] must be ${right[algorithm]}`)
      const keys = [pairs[algorithm].privateKey, publicKey]
      refuses(t, { algorithm, keys }, `accessToken.keys[1] must be ${right[algorithm]}`)
    }
  }
})

t.test('what is no key is refused, and not quoted', async (t) => {
  const right = 'a private or public key: a PEM that is not encrypted, a KeyObject, or a JWK'
  const { privateKey } = pairs.ES256
  const { x, ...jwk } = privateKey.export({ format: 'jwk' })
  const wrong = [
    undefined,
    null,
    1,
    '',
    {},
    [privateKey],
    { key: privateKey },
    secret,
    createSecretKey(Buffer.from(secret)),
    createSecretKey(Buffer.from(secret)).export({ format: 'jwk' }),
    jwk,
    { ...jwk, x: jwk.y },
    JSON.stringify({ ...jwk, x }),
    privatePem(pairs.ES256).replace(/\n/g, '\\n'),
    privatePem(pairs.ES256).slice(0, 100),
    privateKey.export({ type: 'pkcs8', format: 'der' }),
    privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'hunter2' })
  ]
  for (const value of wrong) {
    refuses(t, { algorithm: 'ES256', keys: [value] }, `accessToken.keys[0] must be ${right}`)
    refuses(t, { algorithm: 'ES256', keys: [privateKey, value] }, `accessToken.keys[1] must be ${right}`)
  }
})

t.test('a kid of its own comes with a JWK', async (t) => {
  const jwk = pairs.EdDSA.privateKey.export({ format: 'jwk' })
  const kids = ['2030-01', 'a', '~'.repeat(128), '__proto__']
  for (const kid of kids) t.equal(resolve({ algorithm: 'EdDSA', keys: [{ ...jwk, kid }] }).keys?.[0].kid, kid)
  for (const kid of ['', 'a b', 'é', 'x'.repeat(129), 'a\n', 1, null, {}]) {
    refuses(
      t,
      { algorithm: 'EdDSA', keys: [{ ...jwk, kid }] },
      'accessToken.keys[0].kid must be 1 to 128 characters of ASCII, without spaces'
    )
  }
})

t.test('no two keys have one kid', async (t) => {
  const refused = 'accessToken.keys[2] must be a key whose kid no other has'
  const [first, other] = [GENERATE.EdDSA(), GENERATE.EdDSA()]
  const named = (kid: string, { privateKey } = first) => ({ ...privateKey.export({ format: 'jwk' }), kid })
  const { privateKey, publicKey } = first
  for (const last of [privateKey, publicKey, other.publicKey, named(thumbprint(publicKey), other)]) {
    refuses(t, { algorithm: 'EdDSA', keys: [privateKey, other.privateKey, last] }, refused)
  }
  const { keys } = resolve({ algorithm: 'EdDSA', keys: [named('new'), privateKey] })
  t.same(
    keys?.map(({ kid }) => kid),
    ['new', thumbprint(publicKey)],
    'a key may have two'
  )
})

t.test('a JWK that says it is for something else is refused', async (t) => {
  const jwkOf = (algorithm: KeyAlgorithm) => pairs[algorithm].privateKey.export({ format: 'jwk' })
  const good: [KeyAlgorithm, object][] = [
    ['RS256', { alg: 'RS256', use: 'sig' }],
    ['ES256', { alg: 'ES256' }],
    ['EdDSA', { alg: 'EdDSA' }],
    ['EdDSA', { alg: 'Ed25519' }]
  ]
  for (const [algorithm, labels] of good) {
    t.equal(resolve({ algorithm, keys: [{ ...jwkOf(algorithm), ...labels }] }).keys?.length, 1)
  }
  for (const labels of [{ alg: 'RS512' }, { alg: 'PS256' }, { alg: null }, { use: 'enc' }, { use: 1 }]) {
    refuses(
      t,
      { algorithm: 'RS256', keys: [{ ...jwkOf('RS256'), ...labels }] },
      'accessToken.keys[0] must be a key for RS256 by its use and alg, too'
    )
  }
})

t.test('keys and the algorithm go together', async (t) => {
  const { privateKey } = pairs.EdDSA
  const leftOut =
    "accessToken.keys must be left out where the algorithm is 'HS256': its keys come from secret"
  for (const keys of [[privateKey], []]) {
    refuses(t, { keys }, leftOut)
    refuses(t, { algorithm: 'HS256', keys }, leftOut)
  }
  t.equal(resolve({}).keys, undefined)
  for (const algorithm of KEY_ALGORITHMS) {
    const needed = `accessToken.keys must be one key for ${algorithm}, or several: the first signs, all verify`
    for (const given of [{}, { keys: undefined }, { keys: [] }]) refuses(t, { algorithm, ...given }, needed)
  }
  for (const keys of [privateKey, privatePem(pairs.EdDSA), { keys: [privateKey] }, null]) {
    refuses(
      t,
      { algorithm: 'EdDSA', keys },
      'accessToken.keys must be an array, or a function that gives one'
    )
  }
})

import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { isPrivate, selectVerificationKeys } from '../../../lib/resource-server/verification-keys.js'
import { thumbprint } from '../../../lib/tokens/keys/jwk.js'
import { GENERATE, KEY_ALGORITHMS, publicPem } from '../../support/key-pairs.js'

const pairs = { EdDSA: GENERATE.EdDSA(), ES256: GENERATE.ES256(), RS256: GENERATE.RS256() }
const jwkOf = (algorithm: keyof typeof pairs) => pairs[algorithm].publicKey.export({ format: 'jwk' })
const selectedKeys = (jwks: unknown[], algorithms = KEY_ALGORITHMS) =>
  selectVerificationKeys(jwks, algorithms).map(({ algorithm, kid }) => [algorithm, kid])

t.test('returns the keys of the algorithms, with their kid or their thumbprint', async (t) => {
  const jwks = KEY_ALGORITHMS.map((algorithm) => ({ ...jwkOf(algorithm), kid: algorithm }))
  t.same(
    selectedKeys(jwks),
    KEY_ALGORITHMS.map((each) => [each, each])
  )
  for (const algorithm of KEY_ALGORITHMS) t.same(selectedKeys(jwks, [algorithm]), [[algorithm, algorithm]])
  t.same(selectedKeys([jwkOf('ES256')]), [['ES256', thumbprint(pairs.ES256.publicKey)]])
})

t.test('ignores entries that are not public signature keys, and returns the others', async (t) => {
  const valid = { ...jwkOf('EdDSA'), kid: 'valid' }
  const oct = createSecretKey(Buffer.alloc(32, 1)).export({ format: 'jwk' })
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  const ignored: unknown[] = [
    ...[
      null,
      1,
      'key',
      [],
      {},
      [valid],
      publicPem(pairs.EdDSA),
      { key: publicPem(pairs.EdDSA), format: 'pem' }
    ],
    { ...oct, kid: 'oct' },
    { ...oct, kid: 'oct', alg: 'HS256' },
    { ...valid, kid: 1 },
    { ...valid, kid: 'a b' },
    { ...valid, use: 'enc' },
    { ...valid, alg: 'HS256' },
    { ...valid, alg: 'none' },
    { ...valid, kty: 'oct', k: valid.x },
    { ...valid, x: 'AAAA' },
    { ...jwkOf('ES256'), crv: 'P-384' },
    weak,
    generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })
  ]
  t.same(selectedKeys([...ignored, valid, ...ignored]), [['EdDSA', 'valid']])
})

t.test('ignores private keys of each kind', async (t) => {
  for (const algorithm of KEY_ALGORITHMS) {
    const jwk = pairs[algorithm].privateKey.export({ format: 'jwk' })
    t.ok(isPrivate(jwk))
    t.notOk(isPrivate(jwkOf(algorithm)))
    t.same(selectedKeys([jwk, { ...jwk, d: null }]), [])
  }
  t.notOk(isPrivate(null))
})

t.test('returns the first of two keys with the same kid', async (t) => {
  const jwks = [
    { ...jwkOf('ES256'), kid: '1' },
    { ...jwkOf('EdDSA'), kid: '1' },
    { ...jwkOf('RS256'), kid: '2' }
  ]
  t.same(selectedKeys(jwks), [
    ['ES256', '1'],
    ['RS256', '2']
  ])
})

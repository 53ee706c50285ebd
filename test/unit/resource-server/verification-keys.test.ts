import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { isPrivate, usableKeys } from '../../../lib/resource-server/verification-keys.js'
import { thumbprint } from '../../../lib/tokens/keys/jwk.js'
import { GENERATE, KEY_ALGORITHMS, publicPem } from '../../support/key-pairs.js'

const pairs = { EdDSA: GENERATE.EdDSA(), ES256: GENERATE.ES256(), RS256: GENERATE.RS256() }
const jwkOf = (algorithm: keyof typeof pairs) => pairs[algorithm].publicKey.export({ format: 'jwk' })
const names = (jwks: unknown[], algorithms = KEY_ALGORITHMS) =>
  usableKeys(jwks, algorithms).map(({ algorithm, kid }) => [algorithm, kid])

t.test('keys of the algorithms are taken, with their kid or their thumbprint', async (t) => {
  const jwks = KEY_ALGORITHMS.map((algorithm) => ({ ...jwkOf(algorithm), kid: algorithm }))
  t.same(
    names(jwks),
    KEY_ALGORITHMS.map((each) => [each, each])
  )
  for (const algorithm of KEY_ALGORITHMS) t.same(names(jwks, [algorithm]), [[algorithm, algorithm]])
  t.same(names([jwkOf('ES256')]), [['ES256', thumbprint(pairs.ES256.publicKey)]])
})

t.test('what is no public key for a signature is left out, and the others are not', async (t) => {
  const good = { ...jwkOf('EdDSA'), kid: 'good' }
  const oct = createSecretKey(Buffer.alloc(32, 1)).export({ format: 'jwk' })
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  const bad: unknown[] = [
    ...[
      null,
      1,
      'key',
      [],
      {},
      [good],
      publicPem(pairs.EdDSA),
      { key: publicPem(pairs.EdDSA), format: 'pem' }
    ],
    { ...oct, kid: 'oct' },
    { ...oct, kid: 'oct', alg: 'HS256' },
    { ...good, kid: 1 },
    { ...good, kid: 'a b' },
    { ...good, use: 'enc' },
    { ...good, alg: 'HS256' },
    { ...good, alg: 'none' },
    { ...good, kty: 'oct', k: good.x },
    { ...good, x: 'AAAA' },
    { ...jwkOf('ES256'), crv: 'P-384' },
    weak,
    generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })
  ]
  t.same(names([...bad, good, ...bad]), [['EdDSA', 'good']])
})

t.test('a private key is left out, whatever it is for', async (t) => {
  for (const algorithm of KEY_ALGORITHMS) {
    const jwk = pairs[algorithm].privateKey.export({ format: 'jwk' })
    t.ok(isPrivate(jwk))
    t.notOk(isPrivate(jwkOf(algorithm)))
    t.same(names([jwk, { ...jwk, d: null }]), [])
  }
  t.notOk(isPrivate(null))
})

t.test('of two with one kid the first counts, whatever they are for', async (t) => {
  const jwks = [
    { ...jwkOf('ES256'), kid: '1' },
    { ...jwkOf('EdDSA'), kid: '1' },
    { ...jwkOf('RS256'), kid: '2' }
  ]
  t.same(names(jwks), [
    ['ES256', '1'],
    ['RS256', '2']
  ])
})

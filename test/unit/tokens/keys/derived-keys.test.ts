import { hkdfSync } from 'node:crypto'
import t from 'tap'
import { deriveKeys } from '../../../../lib/tokens/keys/derived-keys.js'

const secret = Buffer.alloc(32, 'a secret')
const otherSecret = Buffer.alloc(40, 'another secret')

/** Derives a key by hand: HKDF-SHA-256 without salt. Each part of `info` follows its length in 2 bytes. */
function derivedByHand(use: string, prefix: string, bytes: number): string {
  const label = `frt/1/${use}`
  const info = Buffer.from(
    `${String.fromCharCode(0, label.length)}${label}${String.fromCharCode(0, prefix.length)}${prefix}`
  )
  return Buffer.from(hkdfSync('sha256', secret, '', info, bytes)).toString('hex')
}

t.test('keys are derived with HKDF, with the use and the prefix in info', async (t) => {
  const [keys] = deriveKeys([secret], 'frt:')
  t.equal(keys.keyId.toString(16).padStart(2, '0'), derivedByHand('key-id', 'frt:', 1))
  t.equal(keys.refreshToken.export().toString('hex'), derivedByHand('refresh-token', 'frt:', 32))
  t.equal(keys.accessToken.toString('hex'), derivedByHand('access-token', 'frt:', 32))
  t.equal(
    Buffer.from(keys.accessTokenKid, 'base64url').toString('hex'),
    derivedByHand('access-token-kid', 'frt:', 9)
  )
})

t.test('the keys of the two tokens differ, and neither is the secret', async (t) => {
  const [keys] = deriveKeys([secret], 'frt:')
  t.equal(keys.accessToken.length, 32)
  t.equal(keys.refreshToken.symmetricKeySize, 32)
  const distinct = new Set([secret, keys.accessToken, keys.refreshToken.export()].map(String))
  t.equal(distinct.size, 3)
})

t.test('each secret has its own keys, in the order of the secrets', async (t) => {
  const [only] = deriveKeys([otherSecret], 'frt:')
  const ring = deriveKeys([secret, otherSecret], 'frt:')
  t.equal(ring.length, 2)
  t.not(ring[0].accessTokenKid, only.accessTokenKid)
  t.equal(ring[1]?.accessTokenKid, only.accessTokenKid)
  t.same(ring[1]?.accessToken, only.accessToken)
})

t.test('each prefix has its own keys, even if prefixes share a beginning', async (t) => {
  const prefixes = ['frt:', 'frt', 'frt:a', 'é', '']
  const rings = prefixes.map((prefix) => deriveKeys([secret], prefix)[0])
  t.equal(new Set(rings.map((keys) => keys.accessToken.toString('hex'))).size, prefixes.length)
  t.equal(new Set(rings.map((keys) => keys.refreshToken.export().toString('hex'))).size, prefixes.length)
  t.equal(new Set(rings.map((keys) => keys.accessTokenKid)).size, prefixes.length)
})

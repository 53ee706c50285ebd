import { createHash, createHmac, hkdfSync } from 'node:crypto'
import t from 'tap'
import { deriveKeys } from '../../../lib/tokens/keys/derived-keys.js'
import { createRefreshTokenCodec } from '../../../lib/tokens/refresh-token.js'
import { createFamily, isSid, MAX_GENERATION, sidOf, tagIn, tagOf } from '../../../lib/tokens/session-id.js'

const secret = Buffer.alloc(32, 'a secret')
const codec = createRefreshTokenCodec(deriveKeys([secret], 'frt:'))
const familySecret = Buffer.from('00112233445566778899aabbccddeeff', 'hex')
const tag = createHash('sha256').update('user-1').digest().subarray(0, 9)
const family = Buffer.concat([tag, familySecret])

function derivedByHand(use: string, bytes: number): Buffer {
  const label = `frt/1/${use}`
  const info = Buffer.concat([
    Buffer.from([0, label.length]),
    Buffer.from(label),
    Buffer.from([0, 4]),
    Buffer.from('frt:')
  ])
  return Buffer.from(hkdfSync('sha256', secret, '', info, bytes))
}

t.test('a token has the documented bytes', async (t) => {
  const head = Buffer.concat([
    Buffer.from([2]),
    derivedByHand('key-id', 1),
    tag,
    familySecret,
    Buffer.from('00000007', 'hex'),
    Buffer.from('0000000f4240', 'hex')
  ])
  const mac = createHmac('sha256', derivedByHand('refresh-token', 32)).update(head).digest()
  const expected = Buffer.concat([head, mac])
  t.equal(expected.length, 69)

  const token = codec.issue(family, 7, 1_000_000)
  t.equal(token, expected.toString('base64url'))
  t.match(token, /^[\w-]{92}$/)
})

t.test(
  'the token of a bound session has the documented bytes, and an id that depends on the key',
  async (t) => {
    const thumbprint = createHash('sha256').update('a key').digest()
    const head = Buffer.concat([
      Buffer.from([3]),
      derivedByHand('key-id', 1),
      tag,
      familySecret,
      Buffer.from('00000007', 'hex'),
      Buffer.from('0000000f4240', 'hex'),
      thumbprint
    ])
    const mac = createHmac('sha256', derivedByHand('refresh-token', 32)).update(head).digest()
    const expected = Buffer.concat([head, mac])
    t.equal(expected.length, 101)

    const jkt = thumbprint.toString('base64url')
    const token = codec.issue(family, 7, 1_000_000, jkt)
    t.equal(token, expected.toString('base64url'))
    t.match(token, /^[\w-]{135}$/)
    const digest = createHash('sha256')
      .update(Buffer.concat([familySecret, thumbprint]))
      .digest()
    const sid = Buffer.concat([tag, digest.subarray(0, 15)]).toString('base64url')
    t.same(codec.parse(token), { sid, family, jkt, gen: 7, issuedUs: 1_000_000 })
  }
)

t.test('issuing the same token again returns the same text', async (t) => {
  t.equal(codec.issue(family, 2, 5), codec.issue(Buffer.from(family), 2, 5))
})

t.test('parse returns the issued values, up to the highest numbers', async (t) => {
  t.equal(MAX_GENERATION, 4_294_967_295)
  for (const gen of [0, 1, 2, 2 ** 31, MAX_GENERATION]) {
    for (const issuedUs of [0, 1, 2 ** 32, 2 ** 47, 2 ** 48 - 1]) {
      t.same(codec.parse(codec.issue(family, gen, issuedUs)), {
        sid: sidOf(family),
        family,
        jkt: null,
        gen,
        issuedUs
      })
    }
  }
})

t.test('numbers beyond the maximum throw', async (t) => {
  t.throws(() => codec.issue(family, MAX_GENERATION + 1, 0), RangeError)
  t.throws(() => codec.issue(family, -1, 0), RangeError)
  t.throws(() => codec.issue(family, 1, 2 ** 48), RangeError)
  t.throws(() => codec.issue(family, 1, -1), RangeError)
})

t.test('the session id is the tag and 15 bytes of a digest of the family secret', async (t) => {
  const digest = createHash('sha256').update(familySecret).digest()
  const expected = Buffer.concat([tag, digest.subarray(0, 15)]).toString('base64url')
  t.equal(sidOf(family), expected)
  t.ok(isSid(expected))
  t.equal(tagIn(expected), tagOf('user-1'))
  t.notOk(Buffer.from(expected, 'base64url').includes(familySecret.subarray(0, 4)))
})

t.test('the tag is the first nine bytes of the digest of the subject', async (t) => {
  t.equal(Buffer.from(tagOf('abc'), 'base64url').toString('hex'), 'ba7816bf8f01cfea41')
  t.match(tagOf('ユーザー'), /^[\w-]{12}$/)
})

t.test('a new family has the tag of its subject and 16 random bytes', async (t) => {
  const families = Array.from({ length: 100 }, () => createFamily('user-1'))
  t.ok(families.every((each) => each.length === 25 && each.subarray(0, 9).equals(tag)))
  t.equal(new Set(families.map((each) => sidOf(each))).size, 100)
})

t.test('isSid accepts only 32 characters of base64url', async (t) => {
  t.ok(isSid('abcdefghijklmnopqrstuvwxyz0123-_'))
  const others = [
    '',
    'a'.repeat(31),
    'a'.repeat(33),
    `${'a'.repeat(31)}+`,
    `${'a'.repeat(32)}\n`,
    `é${'a'.repeat(31)}`
  ]
  for (const other of [...others, 32, null, undefined, {}, ['a'.repeat(32)]]) {
    t.notOk(isSid(other), String(other))
  }
})

import { createHmac, randomBytes } from 'node:crypto'
import t from 'tap'
import { deriveKeys } from '../../../lib/tokens/keys/derived-keys.js'
import { createRefreshTokenCodec } from '../../../lib/tokens/refresh-token.js'
import { createFamily } from '../../../lib/tokens/session-id.js'

const keys = deriveKeys([Buffer.alloc(32, 'a secret')], 'frt:')
const codec = createRefreshTokenCodec(keys)
const jkt = Buffer.alloc(32, 'a thumbprint').toString('base64url')
const token = codec.issue(createFamily('user-1'), 3, 123_456)
const boundToken = codec.issue(createFamily('user-1'), 3, 123_456, jkt)
/** The token of a session that is not bound to a key, and one of a bound session. */
const TOKENS = { unbound: token, bound: boundToken }

function encode(bytes: Buffer): string {
  return bytes.toString('base64url')
}

/** Returns a token of these bytes and their MAC. */
function signed(head: Buffer): string {
  return encode(Buffer.concat([head, createHmac('sha256', keys[0].refreshToken).update(head).digest()]))
}

for (const [kind, token] of Object.entries(TOKENS)) {
  t.test(`rejects a token with any single bit flipped: ${kind}`, async (t) => {
    const bytes = Buffer.from(token, 'base64url')
    const accepted: number[] = []
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const forged = Buffer.from(bytes)
      forged.writeUInt8(forged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      if (codec.parse(encode(forged)) !== null) accepted.push(bit)
    }
    t.same(accepted, [])
    t.not(codec.parse(token), null)
  })

  t.test(`rejects a token with any single character replaced: ${kind}`, async (t) => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const accepted: string[] = []
    for (let i = 0; i < token.length; i++) {
      for (const character of alphabet) {
        const forged = token.slice(0, i) + character + token.slice(i + 1)
        if (forged !== token && codec.parse(forged) !== null) accepted.push(forged)
      }
    }
    t.same(accepted, [])
  })
}

t.test('rejects other encodings of the same bytes', async (t) => {
  // The bytes 0xfb and 0xff give `-` and `_`, which have other characters in plain base64.
  const family = Buffer.alloc(25, Buffer.from('fbff', 'hex'))
  const canonical = codec.issue(family, 1, 0)
  t.not(codec.parse(canonical), null)
  t.match(canonical, /-.*_|_.*-/)

  const bytes = Buffer.from(canonical, 'base64url')
  const base64 = bytes.toString('base64')

  const encodings = {
    'as base64': base64,
    'with padding': `${canonical}==`,
    'with white space after it': `${canonical} `,
    'with a line break after it': `${canonical}\n`,
    'with white space before it': ` ${canonical}`,
    'with a break inside, at the right length': `${canonical.slice(0, 40)}\n${canonical.slice(40, -1)}`,
    'with a character that decoders skip': `${canonical.slice(0, 40)}!${canonical.slice(40, -1)}`,
    'percent-encoded': encodeURIComponent(`${canonical}==`),
    'between quotes': `"${canonical}"`
  }
  for (const [name, encoding] of Object.entries(encodings)) t.equal(codec.parse(encoding), null, name)
})

t.test('rejects another length, even with a valid MAC', async (t) => {
  const bytes = Buffer.from(token, 'base64url')
  for (const length of [0, 1, 31, 32, 33, 68]) {
    t.equal(codec.parse(encode(bytes.subarray(0, length))), null, `${length} bytes`)
  }
  t.equal(codec.parse(encode(Buffer.concat([bytes, Buffer.alloc(1)]))), null, '70 bytes')
  t.equal(codec.parse(signed(bytes.subarray(0, 36))), null, '36 bytes and their MAC')
  t.equal(codec.parse(signed(bytes.subarray(0, 38))), null, '38 bytes and their MAC')
})

t.test('rejects another version, even with a valid MAC', async (t) => {
  for (const token of Object.values(TOKENS)) {
    const head = Buffer.from(token, 'base64url').subarray(0, -32)
    t.equal(signed(head), token)
    for (const version of [0, 1, 2, 3, 4, 128, 255]) {
      const other = Buffer.from(head)
      other.writeUInt8(version)
      if (version !== head[0]) t.equal(codec.parse(signed(other)), null, `version ${version}`)
    }
  }
})

t.test(
  'a token whose key was removed or exchanged belongs to another session, even with a valid MAC',
  async (t) => {
    const head = Buffer.from(boundToken, 'base64url').subarray(0, -32)
    const sid = codec.parse(boundToken)?.sid
    const unbound = Buffer.from(head.subarray(0, 37))
    unbound.writeUInt8(2)
    const exchanged = Buffer.concat([head.subarray(0, 37), Buffer.alloc(32, 'another')])
    for (const forged of [unbound, exchanged]) {
      const parsed = codec.parse(signed(forged))
      t.ok(parsed)
      t.not(parsed?.sid, sid)
    }
  }
)

t.test('rejects another key id, even with a valid MAC', async (t) => {
  const head = Buffer.from(token, 'base64url').subarray(0, 37)
  head.writeUInt8((head.readUInt8(1) + 1) % 256, 1)
  t.equal(codec.parse(signed(head)), null)
})

t.test('rejects a MAC without a key, or with the access token key', async (t) => {
  const head = Buffer.from(token, 'base64url').subarray(0, 37)
  const macs = [
    Buffer.alloc(32),
    Buffer.alloc(32, 255),
    createHmac('sha256', '').update(head).digest(),
    createHmac('sha256', keys[0].accessToken).update(head).digest()
  ]
  for (const mac of macs) t.equal(codec.parse(encode(Buffer.concat([head, mac]))), null)
})

t.test('rejects malformed tokens', async (t) => {
  const jwt = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.'
  const texts = [
    '',
    ' ',
    '.',
    '=',
    'null',
    'undefined',
    '{}',
    '[]',
    '\0',
    '\u{1f36a}',
    jwt,
    jwt.padEnd(92, 'A')
  ]
  const repeated = ['A', '-', '_', '=', '+', '/', '\0', 'é', '\u{1f36a}', ' '].flatMap((each) => [
    each.repeat(92),
    each.repeat(46),
    each.repeat(69)
  ])
  const random = Array.from({ length: 200 }, (_, i) => encode(randomBytes(i < 100 ? 69 : i - 50)))
  const malformed = [...texts, ...repeated, ...random, 'A'.repeat(1_000_000)]
  t.ok(malformed.length > 200)
  t.same(
    malformed.filter((each) => codec.parse(each) !== null),
    []
  )
})

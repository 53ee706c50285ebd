import { createHmac, randomBytes } from 'node:crypto'
import t from 'tap'
import { deriveKeys } from '../../../lib/tokens/keys/derived-keys.js'
import { createRefreshTokenCodec } from '../../../lib/tokens/refresh-token.js'
import { createFamily } from '../../../lib/tokens/session-id.js'

const keys = deriveKeys([Buffer.alloc(32, 'a secret')], 'frt:')
const codec = createRefreshTokenCodec(keys)
const token = codec.issue(createFamily('user-1'), 3, 123_456)

function encode(bytes: Buffer): string {
  return bytes.toString('base64url')
}

/** A token with these first 32 bytes, and the MAC that belongs to them. */
function signed(head: Buffer): string {
  return encode(Buffer.concat([head, createHmac('sha256', keys[0].refreshToken).update(head).digest()]))
}

t.test('a token with any single bit flipped is refused', async (t) => {
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

t.test('a token with any single character replaced is refused', async (t) => {
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

t.test('another spelling of the same bytes is refused', async (t) => {
  // Bytes 0xfb, 0xff give `-` and `_`, which plain base64 spells otherwise.
  const family = Buffer.alloc(20, Buffer.from('fbff', 'hex'))
  const spelled = codec.issue(family, 1, 0)
  t.not(codec.parse(spelled), null)
  t.match(spelled, /-.*_|_.*-/)

  const bytes = Buffer.from(spelled, 'base64url')
  const base64 = bytes.toString('base64')
  const last = spelled.at(-1) ?? ''
  // 86 characters hold 516 bits for 512: the last four are zero in the one canonical spelling.
  const uncanonical = spelled.slice(0, -1) + String.fromCharCode(last.charCodeAt(0) + 1)
  t.same(Buffer.from(uncanonical, 'base64url'), bytes)

  const spellings = {
    'with its unused bits set': uncanonical,
    'as padded base64': base64,
    'as base64 without its padding': base64.replace(/=+$/, ''),
    'with padding': `${spelled}==`,
    'with white space after it': `${spelled} `,
    'with a line break after it': `${spelled}\n`,
    'with white space before it': ` ${spelled}`,
    'with a break inside, at the right length': `${spelled.slice(0, 40)}\n${spelled.slice(40, -1)}`,
    'with a character that decoders skip': `${spelled.slice(0, 40)}!${spelled.slice(40, -1)}`,
    'percent-encoded': encodeURIComponent(`${spelled}==`),
    'between quotes': `"${spelled}"`
  }
  for (const [name, spelling] of Object.entries(spellings)) t.equal(codec.parse(spelling), null, name)
})

t.test('another length is refused, also with a MAC that is right for it', async (t) => {
  const bytes = Buffer.from(token, 'base64url')
  for (const length of [0, 1, 31, 32, 33, 63]) {
    t.equal(codec.parse(encode(bytes.subarray(0, length))), null, `${length} bytes`)
  }
  t.equal(codec.parse(encode(Buffer.concat([bytes, Buffer.alloc(1)]))), null, '65 bytes')
  t.equal(codec.parse(signed(bytes.subarray(0, 31))), null, '31 bytes and their MAC')
  t.equal(codec.parse(signed(bytes.subarray(0, 33))), null, '33 bytes and their MAC')
})

t.test('another version is refused, whatever its MAC', async (t) => {
  const head = Buffer.from(token, 'base64url').subarray(0, 32)
  t.equal(signed(head), token)
  for (const version of [0, 2, 3, 128, 255]) {
    const other = Buffer.from(head)
    other.writeUInt8(version)
    t.equal(codec.parse(signed(other)), null, `version ${version}`)
  }
})

t.test('another key id is refused, whatever its MAC', async (t) => {
  const head = Buffer.from(token, 'base64url').subarray(0, 32)
  head.writeUInt8((head.readUInt8(1) + 1) % 256, 1)
  t.equal(codec.parse(signed(head)), null)
})

t.test('a MAC without its key, or under the key of access tokens, is refused', async (t) => {
  const head = Buffer.from(token, 'base64url').subarray(0, 32)
  const macs = [
    Buffer.alloc(32),
    Buffer.alloc(32, 255),
    createHmac('sha256', '').update(head).digest(),
    createHmac('sha256', keys[0].accessToken).update(head).digest()
  ]
  for (const mac of macs) t.equal(codec.parse(encode(Buffer.concat([head, mac]))), null)
})

t.test('garbage is refused', async (t) => {
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
    jwt.padEnd(86, 'A')
  ]
  const repeated = ['A', '-', '_', '=', '+', '/', '\0', 'é', '\u{1f36a}', ' '].flatMap((each) => [
    each.repeat(86),
    each.repeat(43),
    each.repeat(64)
  ])
  const random = Array.from({ length: 200 }, (_, i) => encode(randomBytes(i < 100 ? 64 : i - 50)))
  const garbage = [...texts, ...repeated, ...random, 'A'.repeat(1_000_000)]
  t.ok(garbage.length > 200)
  t.same(
    garbage.filter((each) => codec.parse(each) !== null),
    []
  )
})

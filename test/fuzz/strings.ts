import fc from 'fast-check'

/** Any sequence of UTF-16 code units, including lone surrogates. */
export const anyText = (maxLength = 40) =>
  fc
    .array(fc.oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0xffff })), { maxLength })
    .map((units) => String.fromCharCode(...units))

/** Texts that often cause errors: control characters, line breaks, text direction, look-alikes, prototype names. */
export const ODD_TEXTS = [
  '',
  ' ',
  '\0',
  '\r\n',
  'a\r\nset-cookie: a=b',
  '\u2028\u2029',
  '\ufeff',
  '\u202eada\u202c',
  '\u200d',
  '😀👩‍👩‍👧‍👦',
  '\ud800',
  '\udfff',
  'é',
  'e\u0301',
  'ﬁ',
  'ſ',
  'İ',
  'Ａ',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  'NaN',
  '-0',
  '1e400',
  '{}',
  '[]',
  '{feed}',
  'a{b}c',
  '*',
  '%s%d%j%o',
  '%00',
  '%',
  '../..',
  '"',
  "'",
  '\\',
  '\\u0000',
  '<script>alert(1)</script>',
  "'; DROP TABLE users; --",
  'x'.repeat(255),
  'x'.repeat(256),
  'x'.repeat(257),
  'é'.repeat(128),
  `${'é'.repeat(128)}x`,
  '😀'.repeat(64)
]

export const oddText = fc.oneof(fc.constantFrom(...ODD_TEXTS), anyText(), fc.string({ unit: 'grapheme' }))

/** Text that HTTP allows in a header: tabs, printable ASCII and the upper half of Latin-1. */
export const headerText = (maxLength = 60) =>
  fc
    .array(
      fc.oneof(
        fc.integer({ min: 0x20, max: 0x7e }),
        fc.constantFrom(0x09, 0x20, 0x2c, 0x3b, 0x3d, 0x22, 0x5c),
        fc.integer({ min: 0x80, max: 0xff })
      ),
      { maxLength }
    )
    .map((codes) => String.fromCharCode(...codes))

/** Damaged variants of a token. Never the token itself. */
export function damaged(token: string): fc.Arbitrary<string> {
  const at = fc.nat({ max: token.length - 1 })
  const others = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.='
  return fc
    .oneof(
      fc.tuple(at, fc.constantFrom(...others)).map(([i, c]) => token.slice(0, i) + c + token.slice(i + 1)),
      fc.tuple(at, fc.constantFrom(...others)).map(([i, c]) => token.slice(0, i) + c + token.slice(i)),
      at.map((i) => token.slice(0, i)),
      at.map((i) => token.slice(i + 1)),
      fc.tuple(at, at).map(([i, j]) => token.slice(0, i) + token.slice(j + 1) + token.slice(i, j)),
      fc.constantFrom(
        ...[
          token.toLowerCase(),
          token.toUpperCase(),
          token + token,
          `${token}=`,
          `"${token}"`,
          `${token}%00`
        ],
        ...[
          encodeURIComponent(`${token}\0`),
          Buffer.from(token).toString('base64'),
          [...token].reverse().join('')
        ],
        ...['', '0', 'null', 'undefined', '__proto__', 'A'.repeat(92), 'A'.repeat(9000)]
      ),
      headerText()
    )
    .filter((text) => text.trim() !== token)
}

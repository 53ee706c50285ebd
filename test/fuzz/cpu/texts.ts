const NAME = '__Host-refresh_token'

/** A text of any length. */
export interface LongText {
  name: string
  ofLength(length: number): string
}

const UNITS = [
  ...[' ', '\t', ';', '; ', ' ;', '=', 'a=', 'a=1; ', ',', ', ', ' ,', '1, ', '.', ':', '/', '@', '?', '#'],
  ...['a', 'A', '0', '9', '-', '_', '+', '*', '%', '%20', '%zz', '&', 'a=1&', 'a[b]=1&', '__proto__=1&'],
  ...['"', '\\', '\\"', '\\u0000', "'", '[', '[]', '[],', '0,', '{', '{"a":', '"a":1,', '{"__proto__":'],
  ...['\u00ff', '\u00a0', 'ü', 'xn--', 'xn--a.', NAME, `${NAME}=`, `${NAME}=x; `, `${NAME} = x ;`, 'Bearer ']
]

/** Each piece is different, so that a set or an object of them grows. */
const COUNTED: [name: string, piece: (i: number) => string][] = [
  ['cookies', (i) => `a${i}=1; `],
  ['parameters', (i) => `a${i}=1&`],
  ['members', (i) => `"a${i}":1,`],
  ['labels', (i) => `a${i}.`],
  ['addresses', (i) => `10.0.${i >> 8}.${i & 255}, `],
  ['encoded characters', (i) => encodeURIComponent(String.fromCharCode(0x4e00 + (i % 0x5000)))],
  ['Latin-1 characters', (i) => String.fromCharCode(0xa1 + (i % 95))]
]

/** Texts that are expensive for a pattern, a loop or a parser whose cost is not linear. */
export const LONG_TEXTS: readonly LongText[] = [
  ...UNITS.map((unit) => longText(JSON.stringify(unit), () => unit)),
  ...COUNTED.map(([name, piece]) => longText(`different ${name}`, piece))
]

function longText(name: string, piece: (i: number) => string): LongText {
  return {
    name,
    ofLength(length) {
      // Joins the pieces at once, because V8 joins a string of many additions only at its first use, in the request.
      const pieces: string[] = []
      for (let rest = length; rest > 0; rest -= pieces.at(-1)?.length ?? 0) pieces.push(piece(pieces.length))
      return pieces.join('').slice(0, length)
    }
  }
}

import { deepEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { findCookies } from '../../../../lib/http/transport/find-cookies.js'

const NAME = '__Host-refresh_token'
const MAX_COOKIES = 8

/** Does the same with patterns. This is shorter, but takes quadratic time for a header with many spaces. */
function findWithPatterns(header: string): string[] {
  const trim = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, '')
  const values = header.split(';').flatMap((pair) => {
    const equals = pair.indexOf('=')
    return trim(pair.slice(0, Math.max(0, equals))) === NAME ? [trim(pair.slice(equals + 1))] : []
  })
  return values.slice(0, MAX_COOKIES)
}

t.test('returns the same cookies as a parser with patterns', async (t) => {
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(NAME, `${NAME}=`, `;${NAME}=x`, ';', '=', ' ', '\t', '  ') },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '__Host-',
        'refresh_token',
        NAME.toLowerCase(),
        '"',
        ',',
        '\u00a0',
        '\v',
        '\n'
      )
    },
    { weight: 1, arbitrary: fc.string({ maxLength: 3 }) }
  )
  const header = fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join(''))
  let found = 0
  const property = fc.property(header, (header) => {
    const values = findCookies(header, NAME)
    found += values.length
    deepEqual(values, findWithPatterns(header))
  })
  const numRuns = 2000
  fc.assert(property, { numRuns })
  t.ok(found > numRuns / 2, `the headers contain ${found} cookies`)
})

t.test('returns the first 8 cookies, in their order', async (t) => {
  const values = Array.from({ length: 140 }, (_, i) => String(i))
  const header = values.map((value) => `a=b; ${NAME}=${value}`).join('; ')
  t.strictSame(findCookies(header, NAME), values.slice(0, MAX_COOKIES))
})

t.test('a name at the end of a pair does not take the value of the next pair', async (t) => {
  t.strictSame(findCookies(`${NAME}; =x`, NAME), [])
  t.strictSame(findCookies(`${NAME} \t;=x`, NAME), [])
  t.strictSame(findCookies(NAME, NAME), [])
  t.strictSame(findCookies(`${NAME}=;${NAME}=x`, NAME), ['', 'x'])
})

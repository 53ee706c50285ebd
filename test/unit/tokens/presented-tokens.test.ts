import t from 'tap'
import { newestOfEachSession, parseTokens } from '../../../lib/tokens/presented-tokens.js'
import type { RefreshToken, RefreshTokenCodec } from '../../../lib/tokens/refresh-token.js'

function token(sid: string, gen: number, issuedUs = 0): RefreshToken {
  return { sid, gen, issuedUs, family: Buffer.alloc(25), jkt: null }
}

/** Parses tokens such as `a1`: generation 1 of session `a`. Other texts are invalid. Records what it parses. */
function createCodec() {
  const parsed: string[] = []
  const codec = {
    parse(text: string) {
      parsed.push(text)
      const [sid = '', gen] = text
      return gen === undefined ? null : token(sid, Number(gen))
    }
  } as RefreshTokenCodec
  return { codec, parsed }
}

t.test('parseTokens separates the newest token of each session from other texts', async (t) => {
  const { codec } = createCodec()
  t.same(parseTokens(codec, ['a1', '-', 'b5', 'a2']), {
    valid: [token('a', 2), token('b', 5)],
    others: ['-'],
    isComplete: true
  })
  t.same(parseTokens(codec, []), { valid: [], others: [], isComplete: true })
})

t.test('parseTokens looks at no more than eight tokens, and at none after four valid ones', async (t) => {
  for (const [presented, read, isComplete] of [
    [['a1', 'a1', 'b1', 'c1'], 4, true],
    [['a1', 'a1', 'b1', 'c1', '-'], 4, false],
    [['-', 'a1', '-', 'b1', 'c1', 'd1', 'e1'], 6, false],
    [Array(7).fill('-'), 7, true],
    [Array(8).fill('-'), 8, false],
    [Array(140).fill('-'), 8, false],
    [Array(140).fill('a1'), 4, false]
  ] as const) {
    const { codec, parsed } = createCodec()
    const result = parseTokens(codec, presented)
    t.equal(parsed.length, read, presented.join())
    t.equal(result.isComplete, isComplete, presented.join())
  }
})

t.test('newestOfEachSession returns an empty array for no tokens', async (t) => {
  t.same(newestOfEachSession([]), [])
})

t.test('newestOfEachSession selects the highest generation, regardless of the time of issue', async (t) => {
  const tokens = [token('a', 2, 900), token('a', 10, 5), token('a', 9, 700)]
  t.same(newestOfEachSession(tokens), [token('a', 10, 5)])
  t.same(newestOfEachSession(tokens.toReversed()), [token('a', 10, 5)])
})

t.test('newestOfEachSession selects the latest copy of one generation', async (t) => {
  const tokens = [token('a', 2, 100), token('a', 2, 300), token('a', 2, 200)]
  t.same(newestOfEachSession(tokens), [token('a', 2, 300)])
})

t.test('newestOfEachSession returns a repeated token once', async (t) => {
  t.same(newestOfEachSession([token('a', 2, 1), token('a', 2, 1)]), [token('a', 2, 1)])
})

t.test('newestOfEachSession returns one token per session', async (t) => {
  const tokens = [token('a', 1), token('b', 7), token('a', 2), token('c', 1), token('b', 6)]
  t.same(newestOfEachSession(tokens), [token('a', 2), token('b', 7), token('c', 1)])
})

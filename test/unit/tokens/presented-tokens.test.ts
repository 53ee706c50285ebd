import t from 'tap'
import { newestOfEachSession } from '../../../lib/tokens/presented-tokens.js'
import type { RefreshToken } from '../../../lib/tokens/refresh-token.js'

function token(sid: string, gen: number, issuedUs = 0): RefreshToken {
  return { sid, gen, issuedUs, family: Buffer.alloc(25) }
}

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

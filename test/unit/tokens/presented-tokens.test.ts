import t from 'tap'
import { newestOfEachSession } from '../../../lib/tokens/presented-tokens.js'
import type { RefreshToken } from '../../../lib/tokens/refresh-token.js'

function token(sid: string, gen: number, issuedUs = 0): RefreshToken {
  return { sid, gen, issuedUs, family: Buffer.alloc(20) }
}

t.test('of no tokens none is the newest', async (t) => {
  t.same(newestOfEachSession([]), [])
})

t.test('of one session the highest generation counts, whenever it was issued', async (t) => {
  const tokens = [token('a', 2, 900), token('a', 10, 5), token('a', 9, 700)]
  t.same(newestOfEachSession(tokens), [token('a', 10, 5)])
  t.same(newestOfEachSession(tokens.toReversed()), [token('a', 10, 5)])
})

t.test('of one generation the copy that was issued last counts', async (t) => {
  const tokens = [token('a', 2, 100), token('a', 2, 300), token('a', 2, 200)]
  t.same(newestOfEachSession(tokens), [token('a', 2, 300)])
})

t.test('the same token twice counts once', async (t) => {
  t.same(newestOfEachSession([token('a', 2, 1), token('a', 2, 1)]), [token('a', 2, 1)])
})

t.test('each session keeps a token of its own', async (t) => {
  const tokens = [token('a', 1), token('b', 7), token('a', 2), token('c', 1), token('b', 6)]
  t.same(newestOfEachSession(tokens), [token('a', 2), token('b', 7), token('c', 1)])
})

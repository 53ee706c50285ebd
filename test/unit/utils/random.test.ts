import t from 'tap'
import { createIdempotencyKey, createTokenId, randomBytes } from '../../../lib/utils/random.js'

t.test('returns unique bytes of the requested size', async (t) => {
  const seen = new Set<string>()
  for (const size of [6, 16, 4096, 1]) {
    t.equal(randomBytes(size).length, size)
  }
  for (let i = 0; i < 20_000; i++) seen.add(randomBytes(16).toString('hex'))
  t.equal(seen.size, 20_000)
})

t.test('returned bytes do not change later, and each of their bits varies', async (t) => {
  const first = randomBytes(16)
  const copy = Buffer.from(first)
  const ors = Buffer.alloc(16)
  const ands = Buffer.alloc(16, 0xff)
  for (let i = 0; i < 1000; i++) {
    for (const [index, byte] of randomBytes(16).entries()) {
      ors[index] = (ors[index] as number) | byte
      ands[index] = (ands[index] as number) & byte
    }
  }
  t.same(first, copy)
  t.same(ors, Buffer.alloc(16, 0xff), 'each bit was 1 at least once')
  t.same(ands, Buffer.alloc(16), 'each bit was 0 at least once')
})

t.test('keys and ids are unique ASCII of their length, and share no bytes with each other', async (t) => {
  const ids = Array.from({ length: 10_000 }, () => [createIdempotencyKey(), createTokenId()])
  t.ok(ids.every(([key, id]) => /^[\w-]{8}$/.test(key ?? '') && /^[\w-]{16}$/.test(id ?? '')))
  t.equal(new Set(ids.map(([key]) => key)).size, ids.length)
  t.equal(new Set(ids.flatMap(([, id]) => [id?.slice(0, 8), id?.slice(8)])).size, 2 * ids.length)
  t.notOk(ids.some(([key, id]) => id?.includes(key ?? '')))
})

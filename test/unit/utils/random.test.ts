import t from 'tap'
import { randomBytes } from '../../../lib/utils/random.js'

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

import t from 'tap'
import { randomBytes } from '../../../lib/utils/random.js'

t.test('bytes of the size that was asked for, never the same twice, however many', async (t) => {
  const seen = new Set<string>()
  for (const size of [6, 16, 4096, 1]) {
    t.equal(randomBytes(size).length, size)
  }
  for (let i = 0; i < 20_000; i++) seen.add(randomBytes(16).toString('hex'))
  t.equal(seen.size, 20_000)
})

t.test('what was handed out stays as it was, and every bit of it varies', async (t) => {
  const first = randomBytes(16)
  const copy = Buffer.from(first)
  const ors = Buffer.alloc(16)
  const ands = Buffer.alloc(16, 0xff)
  for (let i = 0; i < 1000; i++) {
    for (const [at, byte] of randomBytes(16).entries()) {
      ors[at] = (ors[at] as number) | byte
      ands[at] = (ands[at] as number) & byte
    }
  }
  t.same(first, copy)
  t.same(ors, Buffer.alloc(16, 0xff), 'each bit was 1 once')
  t.same(ands, Buffer.alloc(16), 'and 0 once')
})

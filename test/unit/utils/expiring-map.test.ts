import t from 'tap'
import { ExpiringMap } from '../../../lib/utils/expiring-map.js'

const second = 1_000_000
const minute = 60 * second
const start = 1000 * minute

function map() {
  return new ExpiringMap<{ name: string; expiresUs: number }>(start)
}

t.test('returns a value until the microsecond of its expiry', async (t) => {
  const values = map()
  const value = { name: 'a', expiresUs: start + 10 }
  values.set('a', value)
  t.equal(values.get('a', start), value)
  t.equal(values.get('a', start + 9), value)
  t.equal(values.get('a', start + 10), undefined)
  t.equal(values.get('b', start), undefined)
})

t.test('removes a deleted value immediately, and does not report it in a sweep', async (t) => {
  const values = map()
  values.set('a', { name: 'a', expiresUs: start + minute })
  values.delete('a')
  t.equal(values.get('a', start), undefined)
  t.equal(values.size, 0)
  values.sweep(start + 3 * minute, () => t.fail('reported a deleted value'))
})

t.test('a sweep deletes and reports values that expired before the current minute', async (t) => {
  const values = map()
  const expired: string[] = []
  for (const [name, expiresUs] of [
    ['soon', start + second],
    ['same minute', start + 2 * second],
    ['next minute', start + minute],
    ['later', start + 10 * minute]
  ] as const) {
    values.set(name, { name, expiresUs })
  }
  const onExpire = ({ name }: { name: string }) => void expired.push(name)

  values.sweep(start + 30 * second, onExpire)
  t.same(expired, [], 'the current minute is not swept')
  values.sweep(start + minute, onExpire)
  t.same(expired, ['soon', 'same minute'])
  values.sweep(start + 5 * minute, onExpire)
  values.sweep(start + 5 * minute, onExpire)
  t.same(expired, ['soon', 'same minute', 'next minute'])
  t.equal(values.size, 1)
  t.ok(values.get('later', start + 5 * minute))
})

t.test('a sweep works without a callback', async (t) => {
  const values = map()
  values.set('a', { name: 'a', expiresUs: start })
  values.sweep(start + minute)
  t.equal(values.size, 0)
})

t.test('a value whose expiry was extended stays until the new expiry', async (t) => {
  const values = map()
  const value = { name: 'a', expiresUs: start + second }
  values.set('a', value)
  value.expiresUs = start + 5 * minute
  values.sweep(start + 2 * minute, () => t.fail('reported an active value'))
  t.equal(values.get('a', start + 2 * minute), value)
  values.sweep(start + 6 * minute)
  t.equal(values.size, 0)
})

t.test('a key that is set again has the new value and the new expiry', async (t) => {
  const values = map()
  values.set('a', { name: 'old', expiresUs: start + second })
  values.set('a', { name: 'new', expiresUs: start + 5 * minute })
  values.sweep(start + 2 * minute, () => t.fail('reported the new value'))
  t.equal(values.get('a', start + 2 * minute)?.name, 'new')

  const expired: string[] = []
  values.sweep(start + 20 * minute, ({ name }) => void expired.push(name))
  t.same(expired, ['new'])
})

t.test('a key that is deleted and set again expires at the new time', async (t) => {
  const values = map()
  values.set('a', { name: 'old', expiresUs: start + second })
  values.delete('a')
  values.set('a', { name: 'new', expiresUs: start + 3 * minute })
  values.sweep(start + minute)
  t.equal(values.get('a', start + minute)?.name, 'new')
  values.sweep(start + 4 * minute)
  t.equal(values.size, 0)
})

t.test('values expire once after the clock is set back', async (t) => {
  const values = map()
  values.sweep(start + 10 * minute)
  values.set('a', { name: 'a', expiresUs: start + 6 * minute })
  values.sweep(start + 5 * minute, () => t.fail('reported an active value'))
  t.ok(values.get('a', start + 5 * minute))
  values.sweep(start + 11 * minute)
  t.equal(values.size, 0)
})

t.test('a clock that jumps far ahead does not visit the skipped minutes', async (t) => {
  const values = map()
  values.set('a', { name: 'a', expiresUs: start + 10 * minute })
  const farFuture = 1e11 * minute
  values.sweep(farFuture)
  t.equal(values.size, 0)

  values.set('b', { name: 'b', expiresUs: farFuture + second })
  values.sweep(farFuture + minute)
  t.equal(values.size, 0, 'later values expire')
})

t.test('values expire after the clock was temporarily far ahead', async (t) => {
  const values = map()
  values.sweep(1e6 * minute)
  values.sweep(start)
  values.set('a', { name: 'a', expiresUs: start + minute })
  values.sweep(start + 2 * minute)
  t.equal(values.size, 0)
})

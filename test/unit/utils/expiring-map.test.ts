import t from 'tap'
import { ExpiringMap } from '../../../lib/utils/expiring-map.js'

const second = 1_000_000
const minute = 60 * second
const start = 1000 * minute

function map() {
  return new ExpiringMap<{ name: string; expiresUs: number }>(start)
}

t.test('a value is there until the very microsecond in which it expires', async (t) => {
  const values = map()
  const value = { name: 'a', expiresUs: start + 10 }
  values.set('a', value)
  t.equal(values.get('a', start), value)
  t.equal(values.get('a', start + 9), value)
  t.equal(values.get('a', start + 10), undefined)
  t.equal(values.get('b', start), undefined)
})

t.test('a deleted value is gone at once, and a sweep does not tell of it', async (t) => {
  const values = map()
  values.set('a', { name: 'a', expiresUs: start + minute })
  values.delete('a')
  t.equal(values.get('a', start), undefined)
  t.equal(values.size, 0)
  values.sweep(start + 3 * minute, () => t.fail('it was deleted'))
})

t.test('a sweep drops what expired before this minute, tells of each once, and keeps the rest', async (t) => {
  const values = map()
  const dropped: string[] = []
  for (const [name, expiresUs] of [
    ['soon', start + second],
    ['same minute', start + 2 * second],
    ['next minute', start + minute],
    ['later', start + 10 * minute]
  ] as const) {
    values.set(name, { name, expiresUs })
  }
  const drop = ({ name }: { name: string }) => void dropped.push(name)

  values.sweep(start + 30 * second, drop)
  t.same(dropped, [], 'a minute is swept when it is over')
  values.sweep(start + minute, drop)
  t.same(dropped, ['soon', 'same minute'])
  values.sweep(start + 5 * minute, drop)
  values.sweep(start + 5 * minute, drop)
  t.same(dropped, ['soon', 'same minute', 'next minute'])
  t.equal(values.size, 1)
  t.ok(values.get('later', start + 5 * minute))
})

t.test('a sweep needs nobody to tell', async (t) => {
  const values = map()
  values.set('a', { name: 'a', expiresUs: start })
  values.sweep(start + minute)
  t.equal(values.size, 0)
})

t.test('a value that got more time lives on, and goes when that is over', async (t) => {
  const values = map()
  const value = { name: 'a', expiresUs: start + second }
  values.set('a', value)
  value.expiresUs = start + 5 * minute
  values.sweep(start + 2 * minute, () => t.fail('it lives'))
  t.equal(values.get('a', start + 2 * minute), value)
  values.sweep(start + 6 * minute)
  t.equal(values.size, 0)
})

t.test('a key that is set again has its new value and its new time', async (t) => {
  const values = map()
  values.set('a', { name: 'old', expiresUs: start + second })
  values.set('a', { name: 'new', expiresUs: start + 5 * minute })
  values.sweep(start + 2 * minute, () => t.fail('the new value lives'))
  t.equal(values.get('a', start + 2 * minute)?.name, 'new')

  const dropped: string[] = []
  values.sweep(start + 20 * minute, ({ name }) => void dropped.push(name))
  t.same(dropped, ['new'])
})

t.test('a key that was deleted and set again goes with its new time', async (t) => {
  const values = map()
  values.set('a', { name: 'old', expiresUs: start + second })
  values.delete('a')
  values.set('a', { name: 'new', expiresUs: start + 3 * minute })
  values.sweep(start + minute)
  t.equal(values.get('a', start + minute)?.name, 'new')
  values.sweep(start + 4 * minute)
  t.equal(values.size, 0)
})

t.test('when the clock goes back nothing is lost, and nothing stays for ever', async (t) => {
  const values = map()
  values.sweep(start + 10 * minute)
  values.set('a', { name: 'a', expiresUs: start + 6 * minute })
  values.sweep(start + 5 * minute, () => t.fail('it lives'))
  t.ok(values.get('a', start + 5 * minute))
  values.sweep(start + 11 * minute)
  t.equal(values.size, 0)
})

t.test('a clock that leaps far ahead costs what was due, not the minutes between', async (t) => {
  const values = map()
  values.set('a', { name: 'a', expiresUs: start + 10 * minute })
  const aeon = 1e11 * minute
  values.sweep(aeon)
  t.equal(values.size, 0)

  values.set('b', { name: 'b', expiresUs: aeon + second })
  values.sweep(aeon + minute)
  t.equal(values.size, 0, 'and what comes then expires as ever')
})

t.test('a clock that was far ahead for a while keeps nothing that comes after', async (t) => {
  const values = map()
  values.sweep(1e6 * minute)
  values.sweep(start)
  values.set('a', { name: 'a', expiresUs: start + minute })
  values.sweep(start + 2 * minute)
  t.equal(values.size, 0)
})

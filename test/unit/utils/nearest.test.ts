import t from 'tap'
import { nearest } from '../../../lib/utils/nearest.js'

const names = ['accessToken', 'refreshToken', 'redis', 'ttl']

t.test('returns the candidate with the smallest edit distance', async (t) => {
  t.equal(nearest('accesToken', names), 'accessToken', 'a missing character')
  t.equal(nearest('refresshToken', names), 'refreshToken', 'an additional character')
  t.equal(nearest('redos', names), 'redis', 'a replaced character')
  t.equal(nearest('redisClient', ['redisClients', 'redis']), 'redisClients')
})

t.test('returns an equal candidate', async (t) => {
  t.equal(nearest('ttl', names), 'ttl')
})

t.test('ignores case and returns the candidate in its own case', async (t) => {
  t.equal(nearest('ACCESSTOKEN', names), 'accessToken')
})

t.test('accepts one edit for short texts, and one third of the length for long texts', async (t) => {
  t.equal(nearest('tt', ['ttl']), 'ttl', 'one edit of 2 characters')
  t.equal(nearest('tlt', ['ttl']), undefined, 'two edits of 3 characters')
  t.equal(nearest('abcxyz', ['abcdef']), undefined, 'three edits of 6 characters')
  t.equal(nearest('abcdxy', ['abcdef']), 'abcdef', 'two edits of 6 characters')
})

t.test('returns the first of two candidates with the same distance', async (t) => {
  t.equal(nearest('bat', ['cat', 'hat']), 'cat')
})

t.test('returns undefined if no candidate is similar', async (t) => {
  t.equal(nearest('cookie', names), undefined)
  t.equal(nearest('', names), undefined)
  t.equal(nearest('ttl', []), undefined)
})

import t from 'tap'
import { deriveKeys } from '../../../../lib/tokens/keys/derived-keys.js'
import { createNonces } from '../../../../lib/tokens/proof/nonces.js'
import { Clock } from '../../../support/clock.js'

const MINUTE = 60_000
const secrets = ['one', 'two'].map((name) => Buffer.alloc(32, name)) as [Buffer, Buffer]
const [one, two] = secrets.map((secret) => createNonces(deriveKeys([secret], 'frt:'))) as [
  ReturnType<typeof createNonces>,
  ReturnType<typeof createNonces>
]

t.test('a nonce is the same for all processes during a minute', async (t) => {
  const clock = new Clock().mockDate(t)
  const nonce = one.current()
  t.match(nonce, /^[\w-]{22}$/)
  t.equal(createNonces(deriveKeys([secrets[0]], 'frt:')).current(), nonce)
  clock.advance(MINUTE)
  t.not(one.current(), nonce)
})

t.test('a nonce is valid for four to five minutes', async (t) => {
  const clock = new Clock().mockDate(t)
  clock.advance(MINUTE - (clock.nowMs % MINUTE))
  const nonce = one.current()
  t.ok(one.isValid(nonce))
  clock.advance(5 * MINUTE - 1)
  t.ok(one.isValid(nonce))
  clock.advance(1)
  t.notOk(one.isValid(nonce))
})

t.test('a nonce of a process whose clock is up to a minute ahead is valid', async (t) => {
  const clock = new Clock().mockDate(t)
  clock.advance(MINUTE)
  const ahead = one.current()
  clock.advance(MINUTE)
  const far = one.current()
  clock.advance(-2 * MINUTE)
  t.ok(one.isValid(ahead))
  t.notOk(one.isValid(far))
})

t.test('all secrets verify, and the first one issues', async (t) => {
  new Clock().mockDate(t)
  const both = createNonces(deriveKeys(secrets, 'frt:'))
  t.equal(both.current(), one.current())
  t.ok(both.isValid(one.current()))
  t.ok(both.isValid(two.current()))
  t.notOk(one.isValid(two.current()))
})

t.test('another prefix has other nonces', async (t) => {
  new Clock().mockDate(t)
  t.notOk(createNonces(deriveKeys([secrets[0]], 'other:')).isValid(one.current()))
})

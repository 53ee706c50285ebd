import t from 'tap'
import { isAcr, isAmr, isSufficient, requiredAuthentication } from '../../../lib/tokens/authentication.js'

const NOW_MS = Date.UTC(2030, 0, 1)
const NOW = NOW_MS / 1000

t.test('a maximum age counts in whole seconds of auth_time', async (t) => {
  const required = requiredAuthentication({ maxAge: 60 }, 'x')
  t.equal(isSufficient({ auth_time: NOW - 60 }, required, NOW_MS), true)
  t.equal(isSufficient({ auth_time: NOW - 60 }, required, NOW_MS + 1), false)
  t.equal(isSufficient({ auth_time: NOW + 5 }, required, NOW_MS), true, 'the clock of this process is behind')
  t.equal(isSufficient({}, required, NOW_MS), false)
  const issued = { iat: NOW + 61, auth_time: NOW }
  t.equal(isSufficient(issued, required, NOW_MS), false, 'the token was issued too long after')
})

t.test('one of several classes is enough, and both conditions must hold', async (t) => {
  const required = requiredAuthentication({ maxAge: '1m', acr: ['otp', 'passkey'] }, 'x')
  t.equal(isSufficient({ auth_time: NOW, acr: 'passkey' }, required, NOW_MS), true)
  t.equal(isSufficient({ auth_time: NOW, acr: 'pwd' }, required, NOW_MS), false)
  t.equal(isSufficient({ auth_time: NOW }, required, NOW_MS), false)
  t.equal(isSufficient({ auth_time: NOW - 61, acr: 'otp' }, required, NOW_MS), false)
})

t.test('classes and methods contain no character that a header would have to escape', async (t) => {
  for (const value of ['0', 'urn:mace:incommon:iap:silver', 'https://refeds.org/profile/mfa', 'x'.repeat(64)])
    t.equal(isAcr(value), true, value)
  for (const value of ['', 'a b', 'a"b', 'a\\b', 'ä', 'a\n', 'x'.repeat(65), 0, null, undefined, ['otp']])
    t.equal(isAcr(value), false, String(value))
  for (const value of [[], ['pwd', 'otp'], ['x'.repeat(32)]]) t.equal(isAmr(value), true)
  for (const value of ['pwd', [''], ['a b'], [7], ['x'.repeat(33)], Array(9).fill('x'), null])
    t.equal(isAmr(value), false, String(value))
})

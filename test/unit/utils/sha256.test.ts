import t from 'tap'
import { createSha256, sha256 } from '../../../lib/utils/sha256.js'

t.test('SHA-256 is the same with and without crypto.hash', async (t) => {
  // FIPS 180-4, of "abc".
  const expected = Buffer.from('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'hex')
  for (const hash of [sha256, createSha256(undefined)]) {
    t.equal(hash('abc'), expected.toString('base64url'))
    t.equal(hash(Buffer.from('abc')), expected.toString('base64url'))
  }
})

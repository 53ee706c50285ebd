import t, { type Test } from 'tap'
import { deriveKeys } from '../../../../lib/tokens/keys/derived-keys.js'
import { jktOf } from '../../../../lib/tokens/proof/create-proof.js'
import { createNonces } from '../../../../lib/tokens/proof/nonces.js'
import { createProofVerifier, type ProofSettings } from '../../../../lib/tokens/proof/proof.js'
import { Clock } from '../../../support/clock.js'
import { createKey, INVALID_PROOFS, jwkOf, key, proofWith } from '../../../support/proofs.js'

const MINUTE = 60_000
const nonces = createNonces(deriveKeys([Buffer.alloc(32, 'a secret')], 'frt:'))
const expected = { method: 'POST', isAddress: (htu: string) => htu === 'http://localhost/auth/refresh' }

function verifier(t: Test, settings: Partial<ProofSettings> = {}) {
  const clock = new Clock().mockDate(t)
  const verifyProof = createProofVerifier({ nonces, requiresNonce: false, leewayMs: MINUTE, ...settings })
  return { clock, verify: (proof: unknown) => verifyProof(proof, expected) }
}

t.test('a proof names its key and itself', async (t) => {
  const { verify } = verifier(t)
  const proof = verify(proofWith())
  t.equal(proof.jkt, jktOf(key))
  t.match(proof.id, /^[\w-]{22}$/)
  t.notSame(verify(proofWith()).id, proof.id)
})

t.test('the id of a proof depends on its key and its jti only', async (t) => {
  const { verify } = verifier(t)
  const other = createKey()
  const claims = { jti: 'one' }
  t.equal(verify(proofWith({ claims })).id, verify(proofWith({ claims: { ...claims, x: 1 } })).id)
  t.not(verify(proofWith({ claims })).id, verify(proofWith({ claims, key: other })).id)
})

for (const [name, create] of Object.entries(INVALID_PROOFS)) {
  t.test(`a proof is invalid if it ${name}`, async (t) => {
    const { verify } = verifier(t)
    t.throws(() => verify(create()), { code: 'FRT_ERR_PROOF_INVALID', cause: Error })
  })
}

for (const value of [undefined, null, 7, {}, [proofWith()]]) {
  t.test(`a header that is no text is invalid: ${typeof value}`, async (t) => {
    t.throws(() => verifier(t).verify(value), { code: 'FRT_ERR_PROOF_INVALID' })
  })
}

t.test('unusual proofs are accepted', async (t) => {
  const { verify } = verifier(t)
  t.ok(verify(proofWith({ header: { kid: 'x', jwk: { ...jwkOf(key), use: 'sig', kid: 'x' } } })))
  t.ok(verify(proofWith({ claims: { jti: 'x'.repeat(128), sub: 'x', __proto__: { htm: 'GET' } } })))
  t.ok(verify(proofWith({ claims: { nested: JSON.parse(`${'['.repeat(300)}${']'.repeat(300)}`) } })))
})

t.test('a wrong signature does not spoil a key', async (t) => {
  // The same header with a wrong signature, then with the right one.
  const { verify } = verifier(t)
  const fresh = createKey()
  const proof = proofWith({ key: fresh })
  t.throws(() => verify(proof.slice(0, -8) + 'A'.repeat(8)), { code: 'FRT_ERR_PROOF_INVALID' })
  t.equal(verify(proof).jkt, jktOf(fresh))
  t.equal(verify(proofWith({ key: fresh })).jkt, jktOf(fresh))
})

t.test('a time within the leeway needs no nonce', async (t) => {
  const { clock, verify } = verifier(t)
  for (const offMs of [0, MINUTE, -MINUTE]) {
    t.ok(verify(proofWith({ claims: { iat: (clock.nowMs + offMs) / 1000 } })), String(offMs))
  }
  for (const offMs of [MINUTE + 1, -MINUTE - 1, 2 * 60 * MINUTE, -clock.nowMs]) {
    t.throws(() => verify(proofWith({ claims: { iat: (clock.nowMs + offMs) / 1000 } })), {
      code: 'FRT_ERR_PROOF_NONCE',
      nonce: nonces.current()
    })
  }
})

t.test('a valid nonce replaces the time', async (t) => {
  const { verify } = verifier(t)
  t.ok(verify(proofWith({ claims: { iat: -1, nonce: nonces.current() } })))
  for (const nonce of ['', 'x', 'x'.repeat(22), 'é'.repeat(11), `${nonces.current()}x`]) {
    t.throws(() => verify(proofWith({ claims: { nonce } })), { code: 'FRT_ERR_PROOF_NONCE' }, nonce)
  }
})

t.test('each proof needs a nonce if the option says so', async (t) => {
  const { verify } = verifier(t, { requiresNonce: true })
  t.throws(() => verify(proofWith()), { code: 'FRT_ERR_PROOF_NONCE', nonce: nonces.current() })
  t.ok(verify(proofWith({ claims: { nonce: nonces.current() } })))
})

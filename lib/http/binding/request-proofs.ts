import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ResolvedOptions } from '../../options/resolve.js'
import { type KeyBinding, modeOf } from '../../sessions/key-binding.js'
import type { Nonces } from '../../tokens/proof/nonces.js'
import { createProofVerifier, type Proof } from '../../tokens/proof/proof.js'
import { createAddressCheck } from './request-address.js'

/** Reads and verifies the proof of a request. */
export interface RequestProofs {
  /**
   * Returns the verified proof in the header `DPoP`, or `null` if there is none. Several calls for one request verify it once.
   * @throws {FRT_ERR_PROOF_INVALID} if the proof is invalid. An empty header is invalid
   * @throws {FRT_ERR_PROOF_NONCE} if the proof needs another nonce
   */
  read(request: FastifyRequest): Proof | null
  /**
   * Returns the proof of a login, which counts as used, or `null` if there is none or the option `binding.mode` ignores it.
   * Throws like `read`.
   */
  readForLogin(request: FastifyRequest): Proof | null
  /** Offers the nonce for the next proof, if every proof needs one (RFC 9449, section 8.2). */
  offerNonce(reply: FastifyReply): void
}

/** Contains the nonce for the next proof (RFC 9449, section 8). */
export const NONCE_HEADER = 'dpop-nonce'

/** What a request has proved: the result of the first verification. */
type Verification = { proof: Proof } | { error: unknown }

export function createRequestProofs(
  { binding }: Pick<ResolvedOptions, 'binding'>,
  nonces: Nonces,
  keyBinding: Pick<KeyBinding, 'use'>
): RequestProofs {
  const isAddress = createAddressCheck(binding)
  const requiresNonce = binding.nonce === 'always'
  const verifyProof = createProofVerifier({ nonces, requiresNonce, leewayMs: binding.leewayMs })
  const verifications = new WeakMap<FastifyRequest, Verification>()

  function verify(request: FastifyRequest): Verification {
    const expected = { method: request.method, isAddress: (htu: string) => isAddress(request, htu) }
    try {
      return { proof: verifyProof(request.headers.dpop, expected) }
    } catch (error) {
      return { error }
    }
  }

  function read(request: FastifyRequest): Proof | null {
    if (request.headers.dpop === undefined) return null
    const verification = verifications.get(request) ?? verify(request)
    verifications.set(request, verification)
    if ('error' in verification) throw verification.error
    return verification.proof
  }

  return {
    read,

    readForLogin(request) {
      const proof = modeOf(binding, request) === 'off' ? null : read(request)
      if (proof) keyBinding.use(proof)
      return proof
    },

    offerNonce(reply) {
      if (requiresNonce) reply.header(NONCE_HEADER, nonces.current())
    }
  }
}

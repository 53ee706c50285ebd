import type { ResolvedOptions } from '../../options/resolve.js'
import { NONCE_HEADER } from '../binding/request-proofs.js'
import { documentationOnly } from './documentation-only.js'

/** The options that determine which requests need a proof of the client's key. */
export type ProofOptions = Pick<ResolvedOptions, 'binding'>

/** The errors of a proof that is missing, invalid, or by another key. */
export const PROOF_ERRORS = ['ProofRequired', 'ProofInvalid', 'ProofNonce', 'ProofKeyMismatch'] as const

/** The request header of a proof. No client must send it, because a session need not be bound to a key. */
export const proofHeader = {
  headers: documentationOnly({
    type: 'object',
    properties: {
      dpop: {
        type: 'string',
        description:
          "A proof of the client's key (RFC 9449, section 4). At a login, it binds the session to the key. " +
          'A bound session needs a new proof in each request'
      }
    }
  })
}

/** What an error contains that asks for a nonce: a header, and a field for scripts that cannot read the header. */
const nonce = {
  type: 'string',
  description: 'The nonce that the proof must contain. Only if the proof needs one'
}
export const requiredNonce = { headers: { [NONCE_HEADER]: nonce }, properties: { nonce } }

/** The header of a response with tokens. */
export function offeredNonce({ binding }: ProofOptions): object {
  return binding.nonce === 'always'
    ? { [NONCE_HEADER]: { type: 'string', description: 'The nonce for the next proof' } }
    : {}
}

/** Returns whether the login reads proofs. Other routes read those of bound sessions in every mode. */
export function canBind({ binding }: ProofOptions): boolean {
  return binding.mode !== 'off'
}

import { errors } from '../../errors.js'

/** The reason is in the `cause`, for the log only. It never contains the proof. */
export function invalidProof(reason: string): never {
  throw new errors.ProofInvalid({ cause: new Error(reason) })
}

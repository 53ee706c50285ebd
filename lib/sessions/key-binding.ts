import type { FastifyRequest } from 'fastify'
import type { BindingMode } from '../../types/binding.js'
import { errors } from '../errors.js'
import type { ResolvedOptions } from '../options/resolve.js'
import { invalidProof } from '../tokens/proof/invalid-proof.js'
import type { Proof } from '../tokens/proof/proof.js'
import { createUsedProofs, type UsedProofs } from '../tokens/proof/used-proofs.js'
import type { RefreshToken } from '../tokens/refresh-token.js'
import type { Thumbprint } from '../tokens/session-id.js'
import { nameResult } from '../utils/callback-results.js'
import type { CallContext } from './call-context.js'
import { emitProofRefused } from './observability/session-events.js'

type Binding = ResolvedOptions['binding']

const MODES: readonly BindingMode[] = ['off', 'optional', 'required']

/** A nonce is accepted for six minutes, and the clocks of two processes differ. */
const NONCE_MS = 360_000
const MARGIN_MS = 60_000

/** @param request `null` for a call of `app.sessions` */
export function modeOf({ mode }: Binding, request: FastifyRequest | null): BindingMode {
  return typeof mode === 'function' ? nameResult(mode(request), MODES, 'option "binding.mode"') : mode
}

/** Returns how long a used proof must be remembered: longer than it is valid. */
export function proofLifetimeMs({ leewayMs }: Pick<Binding, 'leewayMs'>): number {
  return Math.max(2 * leewayMs, NONCE_MS) + MARGIN_MS
}

/** The challenge of a login has no `error`, because the request has no token (RFC 6750, section 3.1). */
export function proofRequiredAtLogin(): Error {
  return Object.assign(new errors.ProofRequired(), { isWithoutToken: true })
}

/** Decides which requests may use a session that is bound to a key. */
export class KeyBinding {
  readonly #options: ResolvedOptions
  readonly #used: UsedProofs
  /** The proofs of requests that have passed `use`. A request may call it for several tokens. */
  readonly #passed = new WeakSet<Proof>()

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#used = createUsedProofs(options.binding.remember, proofLifetimeMs(options.binding))
  }

  /**
   * Rejects a proof that another request has used in this process. Called last, so that only the client that holds the key of
   * a session adds to the memory.
   * @throws {FRT_ERR_PROOF_INVALID}
   */
  use(proof: Proof): void {
    if (this.#passed.has(proof)) return
    if (!this.#used.add(proof.id)) invalidProof('the proof was used before')
    this.#passed.add(proof)
  }

  /**
   * Returns the key that a new session is bound to, or `null`.
   * @param jkt the option `identity.jkt`
   * @throws {FRT_ERR_PROOF_REQUIRED} if the mode is `required` and there is no key
   * @throws {FRT_ERR_PROOF_KEY_MISMATCH} if the proof and the identity name different keys
   */
  keyOfLogin(jkt: Thumbprint | null, proof: Proof | null, { request }: CallContext): Thumbprint | null {
    if (jkt !== null && proof && proof.jkt !== jkt) throw new errors.ProofKeyMismatch()
    const key = jkt ?? proof?.jkt ?? null
    if (key === null && modeOf(this.#options.binding, request) === 'required') throw proofRequiredAtLogin()
    return key
  }

  /**
   * Row 0 of the rotation rule: throws unless the request may use the session of the token. It does not query the store.
   * @throws {FRT_ERR_PROOF_REQUIRED} if there is no proof, or if the mode is `required` and the session is not bound
   * @throws {FRT_ERR_PROOF_KEY_MISMATCH} if the proof is by another key
   * @throws {FRT_ERR_PROOF_INVALID} if the proof was used before
   */
  requireKey(token: RefreshToken, proof: Proof | null, context: CallContext): void {
    if (token.jkt === null) {
      if (modeOf(this.#options.binding, context.request) === 'required') throw new errors.ProofRequired()
      return
    }
    if (proof?.jkt !== token.jkt) {
      emitProofRefused(this.#options, token.sid, proof ? 'mismatch' : 'required', context)
      throw proof ? new errors.ProofKeyMismatch() : new errors.ProofRequired()
    }
    this.use(proof)
  }

  /** Separates the tokens of a logout. A token whose session is not bound needs no proof in any mode. */
  split(tokens: RefreshToken[], readProof: () => Proof | null, context: CallContext): SplitTokens {
    const proved: RefreshToken[] = []
    const rejected: SplitTokens['rejected'] = []
    for (const token of tokens) {
      try {
        if (token.jkt !== null) this.requireKey(token, readProof(), context)
        proved.push(token)
      } catch (error) {
        rejected.push({ sid: token.sid, error })
      }
    }
    return { proved, rejected }
  }
}

export interface SplitTokens {
  proved: RefreshToken[]
  /** The sessions that the request may not use, each with the reason. */
  rejected: { sid: string; error: unknown }[]
}

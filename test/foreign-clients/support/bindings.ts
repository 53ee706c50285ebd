import type { BindingOptions } from '../../../lib/index.js'

/** Every option that a client of a bound session can notice. */
export const BINDINGS: BindingOptions[] = (['optional', 'required'] as const).flatMap((mode) =>
  (['when-needed', 'always'] as const).map((nonce) => ({ mode, nonce }))
)

import { randomBytes } from './random.js'

/** Names one call to a store, which may reach it twice: 8 ASCII characters. */
export function operationId(): string {
  return randomBytes(6).toString('base64url')
}

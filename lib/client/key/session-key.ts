import type { CreateTransport } from '../transport/transport.js'

/** A key that sessions are bound to: `createBoundKey()` or `customKey(prove)`. Adds a proof to the requests of a transport. */
export type SessionKey = (createTransport: CreateTransport) => CreateTransport

import { clockSkew } from './clock-skew.js'
import { confirm } from './confirm.js'
import { create } from './create.js'
import { currentToken } from './current-token.js'
import { type Cases, type OpenStore, withStore } from './fixture.js'
import { invariants } from './invariants.js'
import { isolation } from './isolation.js'
import { lifetimes } from './lifetimes.js'
import { metadata } from './metadata.js'
import { retiredToken } from './retired-token.js'
import { revoke, revokeAll } from './revoke.js'
import { rollback } from './rollback.js'
import { silentClient } from './silent-client.js'
import { update } from './update.js'
import { usedProofs } from './used-proofs.js'

const groups: Record<string, Cases> = {
  create,
  'rotation rule': { ...currentToken, ...retiredToken, ...silentClient, ...rollback, ...invariants },
  'used proofs': usedProofs,
  confirm,
  lifetimes,
  'clock skew': clockSkew,
  metadata,
  update,
  revoke,
  revokeAll,
  isolation
}

export interface SessionStoreTests {
  /** Defines a test with your test runner: `test` of `node:test`, `t.test` of tap, or `it` of others. */
  test(name: string, run: () => Promise<void>): unknown
  /** Opens an empty store for one test. */
  open: OpenStore
}

/**
 * Defines the tests that every `SessionStore` must pass, as `MemoryStore` and `RedisStore` do. They use `node:assert`.
 * No test waits, because the store uses the clock that `open` receives.
 */
export function testSessionStore({ test, open }: SessionStoreTests): void {
  for (const [group, cases] of Object.entries(groups)) {
    for (const [name, run] of Object.entries(cases)) test(`${group}: ${name}`, () => withStore(open, run))
  }
}

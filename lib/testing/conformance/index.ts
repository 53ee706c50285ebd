import { clockSetBack } from './clock-skew.js'
import { confirm } from './confirm.js'
import { create } from './create.js'
import { currentToken } from './current-token.js'
import { type Cases, type OpenStore, withStore } from './fixture.js'
import { everyRow } from './invariants.js'
import { strangers } from './isolation.js'
import { lifetimes } from './lifetimes.js'
import { metadata } from './metadata.js'
import { retiredToken } from './retired-token.js'
import { revoke, revokeAll } from './revoke.js'
import { tokenAhead } from './rollback.js'

const groups: Record<string, Cases> = {
  create,
  'the rule': { ...currentToken, ...retiredToken, ...tokenAhead, ...everyRow },
  confirm,
  lifetimes,
  'a clock that was set back': clockSetBack,
  metadata,
  revoke,
  revokeAll,
  strangers
}

export interface SessionStoreTests {
  /** Defines a test, by a runner of your choice: `test` of `node:test`, `t.test` of tap, `it` of others. */
  test(name: string, run: () => Promise<void>): unknown
  /** Opens a store without sessions, for one test. */
  open: OpenStore
}

/**
 * Defines the tests that every `SessionStore` must pass: what `MemoryStore` and `RedisStore` are held to. They
 * fail by `node:assert`. No test waits: time is that of a clock which the store is given.
 */
export function testSessionStore({ test, open }: SessionStoreTests): void {
  for (const [group, cases] of Object.entries(groups)) {
    for (const [name, run] of Object.entries(cases)) test(`${group}: ${name}`, () => withStore(open, run))
  }
}

import type { SessionStore } from '../../../types/session-store.js'

/** A store under test and its clock. */
export interface StoreFixture {
  store: SessionStore
  clock: { readonly nowMs: number }
  /** Advances the clock and the expiry of stored data. */
  advance(ms: number): Promise<void>
  /** Changes the clock only, as a new server with a different clock does. Stored data does not expire. */
  skew(ms: number): void
}

/** Test cases by title. */
export type Cases = Record<string, (fixture: StoreFixture) => Promise<void>>

/** The result of opening a store for `testSessionStore`. */
export interface OpenedStore {
  store: SessionStore
  /**
   * Brings every expiry nearer by `ms` milliseconds. Necessary if the database expires data by its own clock. Omit it
   * if the store uses only `now`.
   */
  elapse?(ms: number): Promise<void>
  /** Called after the test. */
  close?(): unknown
}

/** @param now returns milliseconds since the epoch. The store must not read any other clock */
export type OpenStore = (now: () => number) => OpenedStore | Promise<OpenedStore>

/** Runs a test with a new store and its own clock, then closes the store. */
export async function withStore(
  open: OpenStore,
  test: (fixture: StoreFixture) => Promise<void>
): Promise<void> {
  const clock = { nowMs: Date.UTC(2030, 0, 1, 12, 34, 56, 789) }
  const { store, elapse, close } = await open(() => clock.nowMs)
  const skew = (ms: number) => {
    clock.nowMs += ms
  }
  try {
    await test({
      store,
      clock,
      skew,
      async advance(ms) {
        skew(ms)
        await elapse?.(ms)
      }
    })
  } finally {
    await close?.()
  }
}

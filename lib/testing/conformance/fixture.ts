import type { SessionStore } from '../../../types/session-store.js'

/** A store under test, and the clock that it goes by. */
export interface Subject {
  store: SessionStore
  clock: { readonly nowMs: number }
  /** Lets time pass: for the rule, and for what expires. */
  advance(ms: number): Promise<void>
  /** Sets the clock only, as a new server does whose clock differs: what is stored stays. */
  skew(ms: number): void
}

/** Tests by their names. */
export type Cases = Record<string, (subject: Subject) => Promise<void>>

/** A store as `testSessionStore` opens it. */
export interface OpenedStore {
  store: SessionStore
  /**
   * For a store whose database drops what has expired by a clock of its own: brings every expiry nearer by so many
   * milliseconds. Left out: everything goes by `now`.
   */
  elapse?(ms: number): Promise<void>
  /** After the test. */
  close?(): unknown
}

/** @param now milliseconds since the epoch: the only clock that the store may ask */
export type OpenStore = (now: () => number) => OpenedStore | Promise<OpenedStore>

/** Opens a store on a clock of its own, for the time of one test. */
export async function withStore(open: OpenStore, test: (subject: Subject) => Promise<void>): Promise<void> {
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

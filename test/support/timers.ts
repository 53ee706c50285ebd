import { syncBuiltinESMExports } from 'node:module'
import { type MockTimersOptions, mock } from 'node:test'
import { setImmediate as settle } from 'node:timers/promises'

/** Waits until all work that is ready has run. */
export { settle }

interface Owner {
  teardown(fn: () => unknown): unknown
}

/** Mocks timers until the test ends. Only `pass` advances them. */
export function mockTimers(t: Owner, options: MockTimersOptions = { apis: ['setTimeout'] }): void {
  mock.timers.enable(options)
  syncBuiltinESMExports()
  t.teardown(async () => {
    // Closed resources clear their timers a little later. Those calls must not affect the timers of the next test.
    await settle()
    mock.timers.reset()
    syncBuiltinESMExports()
  })
}

export async function pass(ms: number): Promise<void> {
  mock.timers.tick(ms)
  await settle()
}

/**
 * Mocks timers, the wall clock and the monotonic clock until the test ends.
 * @returns a function that advances all of them
 */
export function mockClocks(t: Owner, startMs: number): (ms: number) => Promise<void> {
  mockTimers(t, { apis: ['setTimeout', 'Date'], now: startMs })
  let elapsedMs = 0.25
  const monotonic = mock.method(performance, 'now', () => elapsedMs)
  t.teardown(() => monotonic.mock.restore())
  return async (ms) => {
    elapsedMs += ms
    await pass(ms)
  }
}

/** Creates a promise that the test settles. */
export function deferred<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<T>((...settlers) => {
    ;[resolve, reject] = settlers
  })
  return { promise, resolve, reject }
}

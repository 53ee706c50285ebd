import { syncBuiltinESMExports } from 'node:module'
import { type MockTimersOptions, mock } from 'node:test'
import { setImmediate as settle } from 'node:timers/promises'

/** Lets all that is ready happen. */
export { settle }

interface Owner {
  teardown(fn: () => unknown): unknown
}

/** Timers that only `pass` moves, until the test ends. */
export function mockTimers(t: Owner, options: MockTimersOptions = { apis: ['setTimeout'] }): void {
  mock.timers.enable(options)
  syncBuiltinESMExports()
  t.teardown(async () => {
    // What a test closes clears its timers a little later: they must not be those of the next test.
    await settle()
    mock.timers.reset()
    syncBuiltinESMExports()
  })
}

export async function pass(ms: number): Promise<void> {
  mock.timers.tick(ms)
  await settle()
}

/** A promise that the test settles. */
export function deferred<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<T>((...settlers) => {
    ;[resolve, reject] = settlers
  })
  return { promise, resolve, reject }
}

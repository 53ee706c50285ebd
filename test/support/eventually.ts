import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits until a condition holds. For events between processes, which have no clock that a test could move. The limit is
 * long, because it only matters for a test that fails.
 * @returns the first truthy value of the condition
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  withinMs = 60_000
): Promise<NonNullable<T>> {
  // Not a clock of the process: a test may have replaced it.
  const deadline = process.hrtime.bigint() + BigInt(withinMs) * 1_000_000n
  for (;;) {
    const value = await condition()
    if (value) return value
    if (process.hrtime.bigint() > deadline) throw new Error(`false after ${withinMs} ms: ${condition}`)
    await sleep(5)
  }
}

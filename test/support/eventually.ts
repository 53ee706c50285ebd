import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until something is so: what happens between processes has no clock that a test could move. */
export async function eventually(isSo: () => unknown, withinMs = 5000): Promise<void> {
  // Neither clock of the process: a test may have set them.
  const deadline = process.hrtime.bigint() + BigInt(withinMs) * 1_000_000n
  while (!(await isSo())) {
    if (process.hrtime.bigint() > deadline) throw new Error(`not so within ${withinMs} ms: ${isSo}`)
    await sleep(5)
  }
}

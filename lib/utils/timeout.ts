import { setTimeout } from 'node:timers'

/**
 * Settles as `work` does, or throws what `late` gives once `ms` have passed. `work` itself goes on.
 * @param isAwaited `false`: a process that wants to end does not wait for it
 */
export function inTime<T>(work: Promise<T>, ms: number, late: () => Error, isAwaited = true): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms)
    if (!isAwaited) timer.unref()
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

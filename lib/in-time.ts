import { setTimeout } from 'node:timers'

/** Settles as `work` does, or throws what `late` gives once `ms` have passed. `work` itself goes on. */
export function inTime<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

import { setTimeout } from 'node:timers'

/**
 * Settles as `work` does, or rejects with the error of `onTimeout` after `ms`. `work` itself is not cancelled.
 *
 * @param ms milliseconds, at most 2^31 - 1
 * @param keepsProcessAlive `false` if the process may exit before the timeout
 */
export function withTimeout<T>(
  work: Promise<T>,
  ms: number,
  onTimeout: () => Error,
  keepsProcessAlive = true
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(onTimeout()), ms)
    if (!keepsProcessAlive) timer.unref()
    work.then(
      (result) => {
        clearTimeout(timer)
        resolve(result)
      },
      (error) => {
        clearTimeout(timer)
        reject(error)
      }
    )
  })
}

import type { Runtime } from './runtime.js'

export interface TimeLimit {
  signal: AbortSignal
  /** Cancels the limit, so that the signal does not abort any more. */
  cancel(): void
}

/** Creates a signal that aborts after the given time, or when the outer signal aborts. */
export function withTimeLimit(
  { after }: Pick<Runtime, 'after'>,
  ms: number,
  outer: AbortSignal | undefined
): TimeLimit {
  const aborter = new AbortController()
  const abort = () => {
    cancel()
    aborter.abort(outer?.reason)
  }
  const stopTimer = after(ms, abort)
  const cancel = () => {
    stopTimer()
    outer?.removeEventListener('abort', abort)
  }
  if (outer?.aborted) abort()
  else outer?.addEventListener('abort', abort)
  return { signal: aborter.signal, cancel }
}

/** Waits for the given time, or until the signal aborts. */
export function sleep(runtime: Pick<Runtime, 'after'>, ms: number, signal?: AbortSignal): Promise<void> {
  return inTime(runtime, ms, () => new Promise<void>(() => {}), signal).catch(() => {})
}

/**
 * Runs work for at most the given time, or until the outer signal aborts. Rejects then, even if the work ignores its
 * signal and continues.
 */
export async function inTime<T>(
  runtime: Pick<Runtime, 'after'>,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal
): Promise<T> {
  const { signal, cancel } = withTimeLimit(runtime, ms, outer)
  return rejectOnAbort(() => work(signal), signal).finally(cancel)
}

/** Rejects when the caller aborts. The work continues, because other callers may share it. */
export async function rejectOnAbort<T>(
  work: () => Promise<T>,
  signal: AbortSignal | null | undefined
): Promise<T> {
  if (!signal) return work()
  return new Promise<T>((resolve, reject) => {
    // Signals of React Native have no `reason`.
    const abort = () => reject(signal.reason ?? Object.assign(new Error('Aborted'), { name: 'AbortError' }))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort)
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
}

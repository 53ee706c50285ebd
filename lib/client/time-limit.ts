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
export async function sleep(
  runtime: Pick<Runtime, 'after'>,
  ms: number,
  signal?: AbortSignal
): Promise<void> {
  const end = withTimeLimit(runtime, ms, signal).signal
  if (!end.aborted) await new Promise((resolve) => end.addEventListener('abort', resolve))
}

/** Runs work for at most the given time. The work continues after the limit, but its result is dropped. */
export async function inTime<T>(
  runtime: Pick<Runtime, 'after'>,
  ms: number,
  work: () => Promise<T>
): Promise<T> {
  const limit = withTimeLimit(runtime, ms, undefined)
  return rejectOnAbort(work, limit.signal).finally(limit.cancel)
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

import type { Test } from 'tap'

/** Collects the errors of microtasks, such as callbacks of the application, instead of ending the process. */
export function catchMicrotaskErrors(t: Test): unknown[] {
  const errors: unknown[] = []
  const { queueMicrotask } = globalThis
  t.teardown(() => {
    globalThis.queueMicrotask = queueMicrotask
  })
  globalThis.queueMicrotask = (work) =>
    queueMicrotask(() => {
      try {
        work()
      } catch (error) {
        errors.push(error)
      }
    })
  return errors
}

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { RetryQueue } from '../../../lib/utils/retry-queue.js'
import { deferred, mockTimers, pass, settle } from '../../support/timers.js'

const never = () => false

/** Returns work that fails for a number of times and counts its attempts. */
function failing(times: number) {
  const work = Object.assign(
    async () => {
      work.attempts++
      if (work.attempts <= times) throw new Error('not yet')
    },
    { attempts: 0 }
  )
  return work
}

t.test('runs work after a pause, and not again after success', async (t) => {
  mockTimers(t)
  const work = failing(0)
  const done = new RetryQueue({ pauseMs: 100 }).retry('key', work, never)
  await pass(99)
  t.equal(work.attempts, 0)
  await pass(1)
  t.equal(work.attempts, 1)
  await done
  await pass(1_000_000)
  t.equal(work.attempts, 1)
})

t.test('doubles the pauses up to the maximum', async (t) => {
  mockTimers(t)
  const work = failing(Number.POSITIVE_INFINITY)
  const queue = new RetryQueue({ pauseMs: 100, maxPauseMs: 700 })
  void queue.retry('key', work, never)
  let attempts = 0
  for (const pauseMs of [100, 200, 400, 700, 700, 700]) {
    await pass(pauseMs - 1)
    t.equal(work.attempts, attempts, `not before ${pauseMs} ms`)
    await pass(1)
    t.equal(work.attempts, ++attempts, `after ${pauseMs} ms`)
  }
  queue.close()
})

t.test('the default pauses are 200 ms to 5 seconds', async (t) => {
  mockTimers(t)
  const work = failing(Number.POSITIVE_INFINITY)
  const queue = new RetryQueue()
  void queue.retry('key', work, never)
  const pauses = [200, 400, 800, 1600, 3200, 5000, 5000]
  for (const [i, pauseMs] of pauses.entries()) {
    await pass(pauseMs - 1)
    t.equal(work.attempts, i)
    await pass(1)
    t.equal(work.attempts, i + 1)
  }
  queue.close()
})

t.test('retries work that throws synchronously', async (t) => {
  mockTimers(t)
  let attempts = 0
  const work = () => {
    attempts++
    if (attempts === 1) throw new Error('synchronous')
    return Promise.resolve()
  }
  const done = new RetryQueue({ pauseMs: 10 }).retry('key', work, never)
  await pass(10)
  await pass(20)
  await done
  t.equal(attempts, 2)
})

t.test('gives up before the next attempt if shouldGiveUp returns true', async (t) => {
  mockTimers(t)
  const work = failing(Number.POSITIVE_INFINITY)
  let shouldGiveUp = false
  const done = new RetryQueue({ pauseMs: 10 }).retry('key', work, () => shouldGiveUp)
  await pass(10)
  t.equal(work.attempts, 1)
  shouldGiveUp = true
  await pass(20)
  await done
  t.equal(work.attempts, 1)
})

t.test('runs only the latest work of a key', async (t) => {
  mockTimers(t)
  const queue = new RetryQueue({ pauseMs: 10 })
  const [first, second, third] = [failing(9), failing(1), failing(0)]
  const done = queue.retry('key', first, never)
  await pass(10)
  await queue.retry('key', second, never)
  const other = queue.retry('another key', third, never)
  await pass(10)
  await other
  t.equal(third.attempts, 1)
  await pass(10)
  await pass(40)
  await done
  t.equal(first.attempts, 1)
  t.equal(second.attempts, 2)

  const again = queue.retry('key', second, never)
  await pass(10)
  await again
  t.equal(second.attempts, 3, 'runs work again after the first call has ended')
})

t.test('runs work that replaced other work during its attempt', async (t) => {
  mockTimers(t)
  const queue = new RetryQueue({ pauseMs: 10 })
  const second = failing(0)
  const done = queue.retry('key', () => queue.retry('key', second, never), never)
  await pass(10)
  t.equal(second.attempts, 0)
  await pass(20)
  await done
  t.equal(second.attempts, 1)
})

t.test('close ends all pauses and prevents further attempts', async (t) => {
  mockTimers(t)
  const queue = new RetryQueue({ pauseMs: 10 })
  const work = failing(Number.POSITIVE_INFINITY)
  const waiting = [queue.retry('a', work, never), queue.retry('b', work, never)]
  await pass(10)
  t.equal(work.attempts, 2)
  queue.close()
  await Promise.all(waiting)
  await queue.retry('c', work, never)
  await pass(1_000_000)
  t.equal(work.attempts, 2)
})

t.test('close prevents another attempt of running work', async (t) => {
  mockTimers(t)
  const queue = new RetryQueue({ pauseMs: 10 })
  const result = deferred<void>()
  let attempts = 0
  const work = () => {
    attempts++
    return result.promise
  }
  const done = queue.retry('key', work, never)
  await pass(10)
  queue.close()
  result.reject(new Error('the store is closed'))
  await done
  t.equal(attempts, 1)
})

t.test('100 concurrent retries do not cause a warning', async (t) => {
  mockTimers(t)
  const warnings: Error[] = []
  const onWarning = (warning: Error) => void warnings.push(warning)
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))

  const queue = new RetryQueue({ pauseMs: 10 })
  const waiting = Array.from({ length: 100 }, (_, i) => queue.retry(`${i}`, failing(1), never))
  await pass(10)
  queue.close()
  await Promise.all(waiting)
  await settle()
  t.same(
    warnings.filter(({ name }) => name === 'MaxListenersExceededWarning'),
    []
  )
})

t.test('pending work does not keep the process alive', async (t) => {
  const loader = new URL('../../../scripts/ts-loader.mjs', import.meta.url).href
  const module = new URL('../../../lib/utils/retry-queue.ts', import.meta.url).href
  const script = `
    const { RetryQueue } = await import(${JSON.stringify(module)})
    new RetryQueue({ pauseMs: 3_600_000 }).retry('key', async () => {}, () => false)
  `
  const { status, signal, stderr } = spawnSync(
    process.execPath,
    [`--import=${loader}`, '--input-type=module', '--eval', script],
    { cwd: fileURLToPath(new URL('../../..', import.meta.url)), timeout: 300_000, encoding: 'utf8', env: {} }
  )
  t.equal(signal, null, 'the process exits by itself')
  t.equal(status, 0, stderr)
})

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { RetryQueue } from '../../../lib/utils/retry-queue.js'
import { deferred, mockTimers, pass, settle } from '../../support/timers.js'

const never = () => false

/** Work that fails so many times, and counts its tries. */
function failing(times: number) {
  const work = Object.assign(
    async () => {
      work.tries++
      if (work.tries <= times) throw new Error('not yet')
    },
    { tries: 0 }
  )
  return work
}

t.test('work is tried after a pause, and when it is done not again', async (t) => {
  mockTimers(t)
  const work = failing(0)
  const done = new RetryQueue({ pauseMs: 100 }).retry('key', work, never)
  await pass(99)
  t.equal(work.tries, 0)
  await pass(1)
  t.equal(work.tries, 1)
  await done
  await pass(1_000_000)
  t.equal(work.tries, 1)
})

t.test('the pauses double until the longest, which then stays', async (t) => {
  mockTimers(t)
  const work = failing(Number.POSITIVE_INFINITY)
  const background = new RetryQueue({ pauseMs: 100, maxPauseMs: 700 })
  void background.retry('key', work, never)
  let tries = 0
  for (const pauseMs of [100, 200, 400, 700, 700, 700]) {
    await pass(pauseMs - 1)
    t.equal(work.tries, tries, `not before ${pauseMs} ms`)
    await pass(1)
    t.equal(work.tries, ++tries, `after ${pauseMs} ms`)
  }
  background.close()
})

t.test('by default the first pause is a fifth of a second, and the longest five seconds', async (t) => {
  mockTimers(t)
  const work = failing(Number.POSITIVE_INFINITY)
  const background = new RetryQueue()
  void background.retry('key', work, never)
  const pauses = [200, 400, 800, 1600, 3200, 5000, 5000]
  for (const [i, pauseMs] of pauses.entries()) {
    await pass(pauseMs - 1)
    t.equal(work.tries, i)
    await pass(1)
    t.equal(work.tries, i + 1)
  }
  background.close()
})

t.test('work that threw before it could give a promise is tried again too', async (t) => {
  mockTimers(t)
  let tries = 0
  const work = () => {
    tries++
    if (tries === 1) throw new Error('at once')
    return Promise.resolve()
  }
  const done = new RetryQueue({ pauseMs: 10 }).retry('key', work, never)
  await pass(10)
  await pass(20)
  await done
  t.equal(tries, 2)
})

t.test('pointless work is given up before it is tried', async (t) => {
  mockTimers(t)
  const work = failing(Number.POSITIVE_INFINITY)
  let isPointless = false
  const done = new RetryQueue({ pauseMs: 10 }).retry('key', work, () => isPointless)
  await pass(10)
  t.equal(work.tries, 1)
  isPointless = true
  await pass(20)
  await done
  t.equal(work.tries, 1)
})

t.test('of one key there is one retry at a time, and the latest work is what it tries', async (t) => {
  mockTimers(t)
  const background = new RetryQueue({ pauseMs: 10 })
  const [first, second, third] = [failing(9), failing(1), failing(0)]
  const done = background.retry('key', first, never)
  await pass(10)
  await background.retry('key', second, never)
  const other = background.retry('another key', third, never)
  await pass(10)
  await other
  t.equal(third.tries, 1)
  await pass(10)
  await pass(40)
  await done
  t.equal(first.tries, 1)
  t.equal(second.tries, 2)

  const again = background.retry('key', second, never)
  await pass(10)
  await again
  t.equal(second.tries, 3, 'a new one when that has ended')
})

t.test('work that took over while the one before was being done is done, too', async (t) => {
  mockTimers(t)
  const background = new RetryQueue({ pauseMs: 10 })
  const second = failing(0)
  const done = background.retry('key', () => background.retry('key', second, never), never)
  await pass(10)
  t.equal(second.tries, 0)
  await pass(20)
  await done
  t.equal(second.tries, 1)
})

t.test('closing ends every pause, and nothing is tried after it', async (t) => {
  mockTimers(t)
  const background = new RetryQueue({ pauseMs: 10 })
  const work = failing(Number.POSITIVE_INFINITY)
  const waiting = [background.retry('a', work, never), background.retry('b', work, never)]
  await pass(10)
  t.equal(work.tries, 2)
  background.close()
  await Promise.all(waiting)
  await background.retry('c', work, never)
  await pass(1_000_000)
  t.equal(work.tries, 2)
})

t.test('work in flight when it closes is not tried again', async (t) => {
  mockTimers(t)
  const background = new RetryQueue({ pauseMs: 10 })
  const answer = deferred<void>()
  let tries = 0
  const work = () => {
    tries++
    return answer.promise
  }
  const done = background.retry('key', work, never)
  await pass(10)
  background.close()
  answer.reject(new Error('the store closed too'))
  await done
  t.equal(tries, 1)
})

t.test('a hundred retries at once raise no warning', async (t) => {
  mockTimers(t)
  const warnings: Error[] = []
  const onWarning = (warning: Error) => void warnings.push(warning)
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))

  const background = new RetryQueue({ pauseMs: 10 })
  const waiting = Array.from({ length: 100 }, (_, i) => background.retry(`${i}`, failing(1), never))
  await pass(10)
  background.close()
  await Promise.all(waiting)
  await settle()
  t.same(
    warnings.filter(({ name }) => name === 'MaxListenersExceededWarning'),
    []
  )
})

t.test('a process that has nothing else to do ends, though work is left', async (t) => {
  const loader = new URL('../../../scripts/ts-loader.mjs', import.meta.url).href
  const module = new URL('../../../lib/utils/retry-queue.ts', import.meta.url).href
  const script = `
    const { Background } = await import(${JSON.stringify(module)})
    new Background({ pauseMs: 3_600_000 }).retry('key', async () => {}, () => false)
  `
  const { status, signal, stderr } = spawnSync(
    process.execPath,
    [`--import=${loader}`, '--input-type=module', '--eval', script],
    { cwd: fileURLToPath(new URL('../../..', import.meta.url)), timeout: 20_000, encoding: 'utf8', env: {} }
  )
  t.equal(signal, null, 'it ended on its own')
  t.equal(status, 0, stderr)
})

import { mock } from 'node:test'
import t from 'tap'
import { RetryQueue } from '../../../../lib/utils/retry-queue.js'
import type { SessionStore } from '../../../../types/session-store.js'
import { storeClient } from '../../../support/store-client.js'
import { deferred, mockTimers, pass, settle } from '../../../support/timers.js'

const store = { has: async (sid: string) => sid === 'alive' } as SessionStore
const unavailable = { code: 'FRT_ERR_STORE_UNAVAILABLE', statusCode: 503 }

function causeOf(error: unknown): Error {
  return (error as { cause: Error }).cause
}

t.test('a call gets the store, and gives its answer', async (t) => {
  const calls = storeClient(store, 2000)
  t.equal(await calls.call('has', (store) => store.has('alive')), true)
  t.equal(await calls.call('has', (store) => store.has('dead')), false)
  t.equal(await calls.call('get', async (given) => given), store)
})

t.test('an answer in time is no late one, however long the process lives on', async (t) => {
  mockTimers(t)
  const calls = storeClient(store, 2000)
  t.equal(
    await calls.call(
      'has',
      async () => 'answer',
      () => t.fail('it came in time')
    ),
    'answer'
  )
  mock.timers.tick(60_000)
  await settle()
})

t.test('a store that never settles is unavailable when the time is up, and not before', async (t) => {
  mockTimers(t)
  const calls = storeClient(store, 2000)
  let error: unknown
  const asked = calls
    .call('has', () => new Promise(() => {}))
    .catch((reason) => {
      error = reason
    })
  mock.timers.tick(1999)
  await settle()
  t.equal(error, undefined)
  mock.timers.tick(1)
  await asked
  t.has(error, unavailable)
  t.equal(causeOf(error).message, 'no reply within 2000 ms')
})

t.test('who asked is told of a failure, and gets what the store answers late', async (t) => {
  mockTimers(t)
  const calls = storeClient(store, 2000)
  const late: Promise<string>[] = []
  const answer = deferred<string>()
  const asked = calls.call(
    'has',
    () => answer.promise,
    (own) => void late.push(own)
  )
  mock.timers.tick(1999)
  t.same(late, [])
  mock.timers.tick(1)
  await t.rejects(asked, unavailable)
  answer.resolve('too late')
  t.same(await Promise.all(late), ['too late'])
})

t.test('a call that was answered in time has not failed', async (t) => {
  const calls = storeClient(store, 2000)
  const answer = calls.call(
    'has',
    async () => 'in time',
    () => t.fail('it was answered')
  )
  t.equal(await answer, 'in time')
})

t.test('a background call that fails is retried until it succeeds', async (t) => {
  mockTimers(t)
  const client = storeClient(store, 10, new RetryQueue({ pauseMs: 100 }))
  const replies = [new Error('LOADING'), new Error('LOADING'), undefined]
  let calls = 0
  const confirm = async () => {
    const error = replies[calls++]
    if (error) throw error
  }
  client.callInBackground('key', 'confirm', confirm, () => false)
  await settle()
  for (const pauseMs of [100, 200, 400, 800]) await pass(pauseMs)
  t.equal(calls, 3)
})

t.test(
  'a background call without a reply counts as lost after ten timeouts, and is sent again',
  async (t) => {
    mockTimers(t)
    const client = storeClient(store, 10, new RetryQueue({ pauseMs: 100 }))
    let calls = 0
    const never = () => {
      calls++
      return new Promise(() => {})
    }
    client.callInBackground('key', 'confirm', never, () => false)
    await settle()
    await pass(99)
    await pass(100)
    t.equal(calls, 1, 'the pause starts with the failure')
    await pass(100)
    t.equal(calls, 2)
  }
)

t.test('a background call is not retried when there is no reason to continue', async (t) => {
  mockTimers(t)
  const client = storeClient(store, 10, new RetryQueue({ pauseMs: 100 }))
  let calls = 0
  const fails = () => {
    calls++
    return Promise.reject(new Error('LOADING'))
  }
  client.callInBackground('key', 'confirm', fails, () => true)
  await settle()
  await pass(100)
  t.equal(calls, 1)
})

t.test('a late answer that nobody wants, and a late error, disturb nobody', async (t) => {
  mockTimers(t)
  const calls = storeClient(store, 10)
  const answer = deferred<string>()
  const failure = deferred<string>()
  const asked = [calls.call('has', () => answer.promise), calls.call('has', () => failure.promise)]
  mock.timers.tick(10)
  for (const each of asked) await t.rejects(each, unavailable)
  answer.resolve('too late')
  failure.reject(new Error('too late'))
  await settle()
})

for (const [how, fail] of [
  ['rejects', (error: unknown) => Promise.reject(error)],
  [
    'throws',
    (error: unknown) => {
      throw error
    }
  ]
] as const) {
  t.test(
    `a store that ${how} is unavailable, and the cause says why without saying what was asked`,
    async (t) => {
      const calls = storeClient(store, 2000)
      const reply = Object.assign(new Error('READONLY You can not write'), {
        command: { name: 'evalsha', args: ['frt:{tag}:s:sid', 'user@example.com'] },
        previousErrors: [new Error('user@example.com')]
      })
      const error = await calls
        .call('has', () => fail(reply))
        .then(
          () => t.fail('it answered'),
          (reason: unknown) => reason
        )
      t.has(error, unavailable)
      const cause = causeOf(error)
      t.ok(cause instanceof Error)
      t.equal(cause.message, 'READONLY You can not write')
      t.same(Object.keys(cause), [])
      t.equal(cause.cause, undefined)
      t.notMatch(cause.stack, 'user@example.com')
    }
  )
}

t.test('whatever is thrown, the cause is an error', async (t) => {
  const calls = storeClient(store, 2000)
  for (const thrown of ['NOAUTH', undefined, null, 42]) {
    const error: unknown = await calls.call('has', () => Promise.reject(thrown)).catch((reason) => reason)
    t.has(error, unavailable)
    t.equal(causeOf(error).message, String(thrown))
  }
})

t.test('a call that was answered leaves no timer behind', async (t) => {
  const before = process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length
  const calls = storeClient(store, 60_000)
  await calls.call('has', async () => 'answer')
  await calls.call('has', () => Promise.reject(new Error('no'))).catch(() => {})
  t.equal(process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length, before)
})

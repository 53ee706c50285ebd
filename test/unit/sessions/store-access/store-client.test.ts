import { mock } from 'node:test'
import t from 'tap'
import { RetryQueue } from '../../../../lib/utils/retry-queue.js'
import type { SessionStore } from '../../../../types/session-store.js'
import { storeClient } from '../../../support/store-client.js'
import { deferred, mockTimers, pass, settle } from '../../../support/timers.js'

const store = { has: async (sid: string) => sid === 'existing' } as SessionStore
const unavailable = { code: 'FRT_ERR_STORE_UNAVAILABLE', statusCode: 503 }

function causeOf(error: unknown): Error {
  return (error as { cause: Error }).cause
}

t.test('a call receives the store and returns its result', async (t) => {
  const client = storeClient(store, 2000)
  t.equal(await client.call('has', (store) => store.has('existing')), true)
  t.equal(await client.call('has', (store) => store.has('unknown')), false)
  t.equal(await client.call('get', async (received) => received), store)
})

t.test('a reply within the timeout does not fail later', async (t) => {
  mockTimers(t)
  const client = storeClient(store, 2000)
  t.equal(
    await client.call(
      'has',
      async () => 'result',
      () => t.fail('the reply was in time')
    ),
    'result'
  )
  mock.timers.tick(60_000)
  await settle()
})

t.test('a call without a reply rejects after the timeout, and not before', async (t) => {
  mockTimers(t)
  const client = storeClient(store, 2000)
  let error: unknown
  const pending = client
    .call('has', () => new Promise(() => {}))
    .catch((reason) => {
      error = reason
    })
  mock.timers.tick(1999)
  await settle()
  t.equal(error, undefined)
  mock.timers.tick(1)
  await pending
  t.has(error, unavailable)
  t.equal(causeOf(error).message, 'no reply within 2000 ms')
})

t.test('onFailure receives the late result of a call that timed out', async (t) => {
  mockTimers(t)
  const client = storeClient(store, 2000)
  const late: Promise<string>[] = []
  const reply = deferred<string>()
  const pending = client.call(
    'has',
    () => reply.promise,
    (result) => void late.push(result)
  )
  mock.timers.tick(1999)
  t.same(late, [])
  mock.timers.tick(1)
  await t.rejects(pending, unavailable)
  reply.resolve('too late')
  t.same(await Promise.all(late), ['too late'])
})

t.test('onFailure is not called after a reply within the timeout', async (t) => {
  const client = storeClient(store, 2000)
  const reply = client.call(
    'has',
    async () => 'in time',
    () => t.fail('the reply was in time')
  )
  t.equal(await reply, 'in time')
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

t.test('a background call is not retried if it should give up', async (t) => {
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

t.test('a late reply and a late error are ignored without onFailure', async (t) => {
  mockTimers(t)
  const client = storeClient(store, 10)
  const reply = deferred<string>()
  const failure = deferred<string>()
  const pending = [client.call('has', () => reply.promise), client.call('has', () => failure.promise)]
  mock.timers.tick(10)
  for (const call of pending) await t.rejects(call, unavailable)
  reply.resolve('too late')
  failure.reject(new Error('too late'))
  await settle()
})

for (const [failure, fail] of [
  ['rejects', (error: unknown) => Promise.reject(error)],
  [
    'throws',
    (error: unknown) => {
      throw error
    }
  ]
] as const) {
  t.test(
    `a store that ${failure} is unavailable, and the cause does not contain the arguments of the call`,
    async (t) => {
      const client = storeClient(store, 2000)
      const reply = Object.assign(new Error('READONLY You can not write'), {
        command: { name: 'evalsha', args: ['frt:{tag}:s:sid', 'user@example.com'] },
        previousErrors: [new Error('user@example.com')]
      })
      const error = await client
        .call('has', () => fail(reply))
        .then(
          () => t.fail('the call succeeded'),
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

t.test('the cause is an Error for any thrown value', async (t) => {
  const client = storeClient(store, 2000)
  for (const thrown of ['NOAUTH', undefined, null, 42]) {
    const error: unknown = await client.call('has', () => Promise.reject(thrown)).catch((reason) => reason)
    t.has(error, unavailable)
    t.equal(causeOf(error).message, String(thrown))
  }
})

t.test('a finished call leaves no timer', async (t) => {
  const before = process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length
  const client = storeClient(store, 60_000)
  await client.call('has', async () => 'result')
  await client.call('has', () => Promise.reject(new Error('no'))).catch(() => {})
  t.equal(process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length, before)
})

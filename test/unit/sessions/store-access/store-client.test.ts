import { mock } from 'node:test'
import t from 'tap'
import type { SessionStore } from '../../../../types/session-store.js'
import { storeCalls } from '../../../support/store-calls.js'
import { deferred, mockTimers, settle } from '../../../support/timers.js'

const store = { has: async (sid: string) => sid === 'alive' } as SessionStore
const unavailable = { code: 'FRT_ERR_STORE_UNAVAILABLE', statusCode: 503 }

function causeOf(error: unknown): Error {
  return (error as { cause: Error }).cause
}

t.test('a call gets the store, and gives its answer', async (t) => {
  const calls = storeCalls(store, 2000)
  t.equal(await calls.ask('has', (store) => store.has('alive')), true)
  t.equal(await calls.ask('has', (store) => store.has('dead')), false)
  t.equal(await calls.ask('get', async (given) => given), store)
})

t.test('an answer in time is no late one, however long the process lives on', async (t) => {
  mockTimers(t)
  const calls = storeCalls(store, 2000)
  t.equal(
    await calls.ask(
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
  const calls = storeCalls(store, 2000)
  let error: unknown
  const asked = calls
    .ask('has', () => new Promise(() => {}))
    .catch((reason) => {
      error = reason
    })
  mock.timers.tick(1999)
  await settle()
  t.equal(error, undefined)
  mock.timers.tick(1)
  await asked
  t.has(error, unavailable)
  t.equal(causeOf(error).message, 'no answer within 2000 ms')
})

t.test('who asked is told of a failure, and gets what the store answers late', async (t) => {
  mockTimers(t)
  const calls = storeCalls(store, 2000)
  const late: Promise<string>[] = []
  const answer = deferred<string>()
  const asked = calls.ask(
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
  const calls = storeCalls(store, 2000)
  const answer = calls.ask(
    'has',
    async () => 'in time',
    () => t.fail('it was answered')
  )
  t.equal(await answer, 'in time')
})

t.test('who asks patiently waits for ten time-outs, and is told why it failed', async (t) => {
  mockTimers(t)
  const calls = storeCalls(store, 10)
  const answer = deferred<string>()
  const asked = calls.askPatiently('confirm', () => answer.promise)
  mock.timers.tick(99)
  answer.resolve('at last')
  t.equal(await asked, 'at last')
  const forgotten = calls.askPatiently('confirm', () => new Promise(() => {}))
  mock.timers.tick(100)
  await t.rejects(forgotten, unavailable)
  await t.rejects(
    calls.askPatiently('confirm', () => Promise.reject(new Error('LOADING'))),
    unavailable
  )
})

t.test('a late answer that nobody wants, and a late error, disturb nobody', async (t) => {
  mockTimers(t)
  const calls = storeCalls(store, 10)
  const answer = deferred<string>()
  const failure = deferred<string>()
  const asked = [calls.ask('has', () => answer.promise), calls.ask('has', () => failure.promise)]
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
      const calls = storeCalls(store, 2000)
      const reply = Object.assign(new Error('READONLY You can not write'), {
        command: { name: 'evalsha', args: ['frt:{tag}:s:sid', 'user@example.com'] },
        previousErrors: [new Error('user@example.com')]
      })
      const error = await calls
        .ask('has', () => fail(reply))
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
  const calls = storeCalls(store, 2000)
  for (const thrown of ['NOAUTH', undefined, null, 42]) {
    const error: unknown = await calls.ask('has', () => Promise.reject(thrown)).catch((reason) => reason)
    t.has(error, unavailable)
    t.equal(causeOf(error).message, String(thrown))
  }
})

t.test('a call that was answered leaves no timer behind', async (t) => {
  const before = process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length
  const calls = storeCalls(store, 60_000)
  await calls.ask('has', async () => 'answer')
  await calls.ask('has', () => Promise.reject(new Error('no'))).catch(() => {})
  t.equal(process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length, before)
})

import t, { type Test } from 'tap'
import { RevocationRepeater } from '../../../../lib/sessions/revocation/revocation-repeater.js'
import { RevokedSessions } from '../../../../lib/sessions/revocation/revoked-sessions.js'
import { RetryQueue } from '../../../../lib/utils/retry-queue.js'
import type { SessionStore } from '../../../../types/session-store.js'
import { storeClient } from '../../../support/store-client.js'
import { mockClocks } from '../../../support/timers.js'

const maxTtlMs = 7_776_000_000

/** Session ids of one user begin with the same 12 characters. */
const [first = '', second = ''] = ['-1', '-2'].map((end) => `tag of ada..${end}`)

/** Creates a repeater for a store that fails the first `failures` calls. `calls` records the successful ones. */
function createRepeater(t: Test, failures = 0) {
  const pass = mockClocks(t, Date.UTC(2030, 0, 1))
  const retryQueue = new RetryQueue({ pauseMs: 100 })
  t.teardown(() => retryQueue.close())
  const calls: string[] = []
  const store = {
    async revoke(sids: string[], reason: string) {
      if (failures-- > 0) throw new Error('LOADING')
      calls.push(`${sids.join()} ${reason}`)
      return []
    }
  } as unknown as SessionStore
  return {
    calls,
    pass,
    repeater: new RevocationRepeater(
      storeClient(store, 2000, retryQueue),
      new RevokedSessions('frt:', 300_000),
      maxTtlMs
    )
  }
}

t.test('repeat calls the store once for the sessions of a user', async (t) => {
  const { repeater, calls } = createRepeater(t)
  await repeater.repeat({ sids: [first, 'other user', second], reason: 'logout', expiresAtMs: 0 })
  t.same(calls, [`${first},${second} logout`, 'other user logout'])
})

t.test('repeat retries until the store replies', async (t) => {
  const { repeater, calls, pass } = createRepeater(t, 2)
  await repeater.repeat({ sids: [first], reason: 'logout', expiresAtMs: 0 })
  t.same(calls, [])
  for (const pauseMs of [100, 200]) await pass(pauseMs)
  t.same(calls, [`${first} logout`])
})

t.test('repeatRecent repeats the revocations of the last minute', async (t) => {
  const { repeater, calls, pass } = createRepeater(t)
  repeater.remember('early', 'logout')
  await pass(60_000)
  repeater.remember('a', 'evicted')
  repeater.remember('b', 'logout')
  await pass(1)
  await repeater.repeatRecent()
  t.same(calls, ['a evicted', 'b logout'])
})

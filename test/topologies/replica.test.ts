import t, { type Test } from 'tap'
import { RedisStore } from '../../lib/store/redis/redis-store.js'
import { newSession } from '../../lib/testing/conformance/test-client.js'
import type { SessionStore } from '../../types/session-store.js'
import { startSentinel } from '../support/topologies.js'

const HOUR_MS = 3_600_000

/**
 * A client may be connected to a server that has become a replica, or was told to read from one. What a replica
 * does not know yet is no reason to log a user out, nor to say that he is.
 */
t.test('a replica that lags answers nothing', async (t) => {
  const topology = await startSentinel(t, 60_000)
  const keyPrefix = 'replica:'
  const master = new RedisStore({ redis: topology.client, keyPrefix })
  const old = await begin(master)
  const resting = await begin(master)
  await rotate(master, resting.sid, 1)
  await master.confirm(resting.sid, 2)
  await topology.replicated()

  const server = await topology.masterOf('')
  for (const replica of await topology.replicasOf(server)) {
    await replica.client().call('REPLICAOF', '127.0.0.1', '1')
  }
  const young = await begin(master)
  for (let gen = 1; gen <= 3; gen++) await rotate(master, old.sid, gen)
  const ended = await begin(master)

  const replica = new RedisStore({ redis: topology.connect({ role: 'slave' }), keyPrefix })
  await refuses(t, replica, {
    'a refresh of a session that it does not know': (store) => rotate(store, young.sid, 1),
    'a refresh by a token that it takes for one ahead by far': (store) => rotate(store, old.sid, 4),
    'a refresh that it would rotate': (store) => rotate(store, old.sid, 1),
    'a refresh of a session that rests': (store) => rotate(store, resting.sid, 2, HOUR_MS),
    'a logout of a session that it does not know': (store) => store.revoke(ended.sid, 'logout', 'operation'),
    'a logout everywhere': (store) =>
      store.revokeAll(ended.sub, 'logout', 'operation', { createdUntilMs: Number.MAX_SAFE_INTEGER }),
    'whether a session lives': (store) => store.has(young.sid),
    'a session': (store) => store.get(young.sid),
    'a login': (store) => store.create(newSession())
  })
})

async function refuses(
  t: Test,
  store: SessionStore,
  questions: Record<string, (store: SessionStore) => Promise<unknown>>
): Promise<void> {
  for (const [name, ask] of Object.entries(questions)) {
    await t.test(name, (t) => t.rejects(ask(store), /READONLY/))
  }
}

async function begin(store: SessionStore): Promise<{ sid: string; sub: string }> {
  const session = newSession()
  await store.create(session)
  return session
}

function rotate(store: SessionStore, sid: string, gen: number, graceMs = 0): Promise<unknown> {
  return store.rotate({
    ...{ sid, gen, issuedUs: 0, graceMs, idleMs: HOUR_MS, requestMetadata: null, reportReplayable: false },
    ...{
      untilConfirmed: true,
      rollback: 'accept-one',
      knownRevocation: undefined,
      idempotencyKey: `turn-${gen}..`
    }
  })
}

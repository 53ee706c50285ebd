import t, { type Test } from 'tap'
import { RedisStore } from '../../lib/store/redis/redis-store.js'
import { newSession } from '../../lib/testing/conformance/test-client.js'
import type { SessionStore, UsedProof } from '../../types/session-store.js'
import { startSentinel } from '../support/topologies.js'

const HOUR_MS = 3_600_000
const PROOF = { id: 'a proof of 22 characters', rememberMs: HOUR_MS, accessTtlMs: HOUR_MS }

/**
 * A client may be connected to a server that has become a replica, or may be configured to read from one. A missing write
 * on the replica must neither log a user out nor report that a session was revoked.
 */
t.test('a lagging replica rejects calls that depend on the latest write', async (t) => {
  const topology = await startSentinel(t, { downAfterMs: 60_000 })
  const keyPrefix = 'replica:'
  const master = new RedisStore({ redis: topology.client, keyPrefix })
  const existing = await createSession(master)
  const inCooldown = await createSession(master)
  await rotate(master, inCooldown.sid, 1, 0, PROOF)
  await master.confirm(inCooldown.sid, 2)
  await topology.waitForReplication()

  const server = await topology.masterOf('')
  for (const replica of await topology.replicasOf(server)) {
    await replica.client().call('REPLICAOF', '127.0.0.1', '1')
  }
  const missing = await createSession(master)
  for (let gen = 1; gen <= 3; gen++) await rotate(master, existing.sid, gen)
  const toRevoke = await createSession(master)

  const replica = new RedisStore({ redis: topology.connect({ role: 'slave' }), keyPrefix })
  await checkRejected(t, replica, {
    'rotate of a session that it does not have': (store) => rotate(store, missing.sid, 1),
    'rotate of a token that is far ahead on the replica': (store) => rotate(store, existing.sid, 4),
    'rotate of a token that is current on the replica': (store) => rotate(store, existing.sid, 1),
    'rotate with a used proof': (store) => rotate(store, inCooldown.sid, 2, HOUR_MS, PROOF),
    'rotate of a token in its cooldown': (store) => rotate(store, inCooldown.sid, 2, HOUR_MS),
    'revoke of a session that it does not have': (store) =>
      store.revoke([toRevoke.sid], 'logout', 'operation'),
    revokeAll: (store) =>
      store.revokeAll(toRevoke.sub, 'logout', 'operation', { createdUntilMs: Number.MAX_SAFE_INTEGER }),
    has: (store) => store.has(missing.sid),
    'get of a session that it does not have': (store) => store.get(missing.sid),
    create: (store) => store.create(newSession())
  })
})

async function checkRejected(
  t: Test,
  store: SessionStore,
  calls: Record<string, (store: SessionStore) => Promise<unknown>>
): Promise<void> {
  for (const [name, call] of Object.entries(calls)) {
    await t.test(name, (t) => t.rejects(call(store), /READONLY/))
  }
}

async function createSession(store: SessionStore): Promise<{ sid: string; sub: string }> {
  const session = newSession()
  await store.create(session)
  return session
}

function rotate(
  store: SessionStore,
  sid: string,
  gen: number,
  graceMs = 0,
  proof?: UsedProof
): Promise<unknown> {
  return store.rotate({
    proof,
    ...{ sid, gen, issuedUs: 0, graceMs, idleMs: HOUR_MS, requestMetadata: null, reportReplayable: false },
    ...{
      untilConfirmed: true,
      rollback: 'accept-one',
      knownRevocation: undefined,
      idempotencyKey: `key-${gen}...`
    }
  })
}

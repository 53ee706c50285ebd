import t from 'tap'
import { RedisStore } from '../../lib/store/redis/redis-store.js'
import { newSession } from '../../lib/testing/conformance/test-client.js'
import { tagOf } from '../../lib/tokens/session-id.js'
import type { SessionStore } from '../../types/session-store.js'
import { SlotMove } from '../support/slot-move.js'
import { startCluster } from '../support/topologies.js'

const HOUR_MS = 3_600_000
const session = newSession()

/** Calls that use one key. A Cluster executes them on whichever node has the key. */
const READS: Record<string, (store: SessionStore) => Promise<unknown>> = {
  has: (store) => store.has(session.sid),
  get: (store) => store.get(session.sid),
  list: (store) => store.list(session.sub),
  confirm: async (store) => (await store.confirm(session.sid, 1)) ?? true
}

/** Calls that use several keys, some of which do not exist. A Cluster rejects them without any effect. */
const WRITES: Record<string, (store: SessionStore) => Promise<unknown>> = {
  rotate: (store) =>
    store.rotate({
      ...{ sid: session.sid, gen: 1, issuedUs: 0, graceMs: 0, idleMs: HOUR_MS, requestMetadata: null },
      ...{ untilConfirmed: true, rollback: 'accept-one', reportReplayable: false },
      ...{ knownRevocation: undefined, idempotencyKey: 'rotation' }
    }),
  create: (store) => store.create(newSession({ sub: session.sub })),
  revoke: (store) => store.revoke([session.sid], 'logout', 'revocation')
}

t.test('while a slot is being moved, reads succeed and writes are rejected completely', async (t) => {
  const topology = await startCluster(t)
  const redis = topology.connect({ maxRedirections: 4, retryDelayOnTryAgain: 20 })
  const store = new RedisStore({ redis })
  await store.create(session)
  const slot = await topology.slotOf(`{${tagOf(session.sub)}}`)
  const move = await SlotMove.prepare(topology, slot)

  for (const [phase, startPhase] of [
    ['before the keys are moved', () => move.open()],
    ['after the keys were moved', () => move.migrateKeys()]
  ] as const) {
    await startPhase()
    for (const [name, call] of Object.entries(READS))
      await t.test(`${name} succeeds ${phase}`, async (t) => t.ok(await call(store)))
    for (const [name, call] of Object.entries(WRITES))
      await t.test(`${name} is rejected ${phase}`, (t) =>
        t.rejects(call(store), /Too many Cluster redirections/)
      )
  }
  await move.close()
  t.match(await store.get(session.sid), { gen: 1 })
  t.equal((await store.list(session.sub)).length, 1)
  for (const call of Object.values(WRITES)) await call(store)
})

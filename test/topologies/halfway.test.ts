import t from 'tap'
import { RedisStore } from '../../lib/store/redis/redis-store.js'
import { newSession } from '../../lib/testing/conformance/test-client.js'
import { tagOf } from '../../lib/tokens/session-id.js'
import type { SessionStore } from '../../types/session-store.js'
import { SlotMove } from '../support/slot-move.js'
import { startCluster } from '../support/topologies.js'

const HOUR_MS = 3_600_000
const session = newSession()

/** Of one key: a Cluster answers them wherever that lies. */
const READS: Record<string, (store: SessionStore) => Promise<unknown>> = {
  has: (store) => store.has(session.sid),
  get: (store) => store.get(session.sid),
  list: (store) => store.list(session.sub),
  confirm: async (store) => (await store.confirm(session.sid, 1)) ?? true
}

/** Of several keys, of which some never are: a Cluster refuses them all, and nothing has happened. */
const WRITES: Record<string, (store: SessionStore) => Promise<unknown>> = {
  rotate: (store) =>
    store.rotate({
      ...{ sid: session.sid, gen: 1, issuedUs: 0, graceMs: 0, idleMs: HOUR_MS, requestMetadata: null },
      ...{ untilConfirmed: true, rollback: 'accept-one', reportReplayable: false },
      ...{ knownRevocation: undefined, idempotencyKey: 'rotation' }
    }),
  create: (store) => store.create(newSession({ sub: session.sub })),
  revoke: (store) => store.revoke(session.sid, 'logout', 'revocation')
}

t.test('a slot that is half-way: reads are answered, writes refused whole', async (t) => {
  const topology = await startCluster(t)
  const redis = topology.connect({ maxRedirections: 4, retryDelayOnTryAgain: 20 })
  const store = new RedisStore({ redis })
  await store.create(session)
  const slot = await topology.slotOf(`{${tagOf(session.sub).toString('base64url')}}`)
  const move = await SlotMove.prepare(topology, slot)

  for (const [phase, proceed] of [
    ['before its keys are moved', () => move.open()],
    ['after its keys were moved', () => move.keys()]
  ] as const) {
    await proceed()
    for (const [name, ask] of Object.entries(READS))
      await t.test(`${phase}: ${name}`, async (t) => t.ok(await ask(store)))
    for (const [name, ask] of Object.entries(WRITES))
      await t.test(`${phase}: ${name}`, (t) => t.rejects(ask(store), /Too many Cluster redirections/))
  }
  await move.close()
  t.match(await store.get(session.sid), { gen: 1 })
  t.equal((await store.list(session.sub)).length, 1)
  for (const ask of Object.values(WRITES)) await ask(store)
})

import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { tagOf } from '../../lib/tokens/session-id.js'
import { eventually } from '../support/eventually.js'
import { Fleet } from '../support/fleet.js'
import type { RedisServer } from '../support/redis-server.js'
import { report } from '../support/report.js'
import { startCluster, startSentinel, type Topology } from '../support/topologies.js'

const CLIENTS = 20
const FAILOVER_TIMEOUT_MS = 30_000
const GRACE_MS = 100
/** After this time a refresh rotates, because the cooldown lasts three grace periods. */
const COOLDOWN_MS = 4 * GRACE_MS
const FEED = 'frt:{feed}:revoked'

const REVOKED = { FRT_ERR_SESSION_REVOKED: CLIENTS }

/** How many generations are lost with the master, and what happens to the clients. */
const CASES = [
  { name: 'one lost generation', rollback: 'accept-one', rounds: 1, loggedOut: {}, rollbacks: CLIENTS },
  { name: 'two lost generations', rollback: 'accept-one', rounds: 2, loggedOut: REVOKED, rollbacks: 0 },
  {
    name: "two lost generations, rollback: 'accept'",
    rollback: 'accept',
    rounds: 2,
    loggedOut: {},
    rollbacks: CLIENTS
  }
] as const

t.test('Sentinel: a master with lagging replicas dies', async (t) => {
  await rollBack(t, 'Sentinel rollback', await startSentinel(t))
})

t.test('Redis Cluster: a master with a lagging replica dies', async (t) => {
  await rollBack(t, 'Cluster rollback', await startCluster(t))
})

async function rollBack<O>(t: Test, scenario: string, topology: Topology<O>): Promise<void> {
  const subs = await subjectsWith(topology, FEED)
  const settings = (name: string, rollback: 'accept-one' | 'accept') => ({
    name,
    redis: topology.connect(),
    subs,
    options: {
      keyPrefix: `${name.replaceAll(/\W/g, '-')}:`,
      accessToken: { ttl: '1m' },
      refreshToken: { grace: GRACE_MS / 1000, rollback }
    }
  })
  const fleets = await Fleet.launch(t, ...CASES.map(({ name, rollback }) => settings(name, rollback)))
  const [loggingOut] = (await Fleet.launch(t, settings('lost logouts', 'accept-one'))) as [Fleet]
  await Promise.all(fleets.map(rotateAll))
  await topology.waitForReplication()

  const master = await topology.masterOf(FEED)
  const replicas = await isolateReplicas(t, topology, master)
  await Promise.all(fleets.map(rotateAll))
  await Promise.all(fleets.filter((_, i) => CASES[i]?.rounds === 2).map(rotateAll))
  for (const client of loggingOut.clients) t.equal(await client.logout(0), 200)
  for (const client of loggingOut.clients) await eventually(async () => isRevoked(await client.call(1)))
  const [loggingIn] = (await Fleet.launch(t, settings('lost logins', 'accept-one'))) as [Fleet]

  process.kill(master.pid, 'SIGKILL')
  for (const { pid } of replicas) process.kill(pid, 'SIGCONT')
  await eventually(async () => (await topology.masterOf(FEED)) !== master, FAILOVER_TIMEOUT_MS)

  for (const fleet of [...fleets, loggingIn]) fleet.drive()
  const isFinished = ({ clients, counts }: Fleet) =>
    counts.refreshes >= 5 * CLIENTS || clients.every(({ isLoggedIn }) => !isLoggedIn)
  await eventually(() => [...fleets, loggingIn].every(isFinished), FAILOVER_TIMEOUT_MS)
  await Promise.all([...fleets, loggingIn].map((fleet) => fleet.rest()))

  for (const [i, { name, loggedOut, rollbacks }] of CASES.entries()) {
    const fleet = fleets[i] as Fleet
    report(t, scenario, fleet)
    await t.test(name, async (t) => {
      t.same(fleet.counts.loggedOut, loggedOut)
      // A rotation whose result arrives too late is not reported.
      const { rollbacks: reported, unavailable } = fleet.counts
      t.ok(
        reported <= rollbacks && reported + unavailable >= rollbacks,
        `${reported} of ${rollbacks} rollbacks were reported`
      )
      checkResponses(t, fleet)
    })
  }
  await t.test('a logout that the store lost stays effective', async (t) => {
    for (const client of loggingOut.clients) {
      await eventually(async () => isRevoked(await client.present(1)), FAILOVER_TIMEOUT_MS)
      t.ok(isRevoked(await client.call(1)))
      t.ok(isRevoked(await client.present(0)))
    }
    const newApp = await loggingOut.open(t)
    for (const client of loggingOut.clients) {
      await eventually(async () => (await client.call(newApp)).status === 401, FAILOVER_TIMEOUT_MS)
      t.ok(isRevoked(await client.present(newApp)), 'a process that started later rejects the token too')
    }
    checkResponses(t, loggingOut)
  })
  await t.test('a login that the store lost has expired', async (t) => {
    report(t, scenario, loggingIn)
    t.same(loggingIn.counts.loggedOut, { FRT_ERR_REFRESH_TOKEN_EXPIRED: CLIENTS })
    checkResponses(t, loggingIn)
  })
}

/** Returns users whose sessions are on the same master as a key. */
async function subjectsWith<O>({ masterOf }: Topology<O>, key: string): Promise<string[]> {
  const master = await masterOf(key)
  const subs: string[] = []
  for (let i = 0; subs.length < CLIENTS; i++) {
    const sessionsKey = `frt:{${tagOf(`user-${i}`)}}:s`
    if ((await masterOf(sessionsKey)) === master) subs.push(`user-${i}`)
  }
  return subs
}

/** Disconnects and pauses the replicas of a master, so that later writes exist only on the master. */
async function isolateReplicas<O>(
  t: Test,
  { replicasOf }: Topology<O>,
  master: RedisServer
): Promise<RedisServer[]> {
  const replicas = await replicasOf(master)
  for (const { pid } of replicas) process.kill(pid, 'SIGSTOP')
  t.after(() => {
    for (const { pid } of replicas) process.kill(pid, 'SIGCONT')
  })
  await master.client().call('CLIENT', 'KILL', 'TYPE', 'replica')
  return replicas
}

/** Rotates every client once, and uses the new generation. */
async function rotateAll({ clients, counts }: Fleet): Promise<void> {
  await sleep(COOLDOWN_MS)
  const rotatedBefore = counts.rotated
  for (const client of clients) {
    await client.refresh()
    await client.call()
  }
  if (counts.rotated !== rotatedBefore + clients.length)
    throw new Error('a client did not get another generation')
}

function isRevoked({ body }: { body: { code?: string } }): boolean {
  return body.code === 'FRT_ERR_SESSION_REVOKED'
}

function checkResponses(t: Test, { counts }: Fleet): void {
  const { hung, unexplained, networkErrors } = counts
  t.same({ hung, unexplained, networkErrors }, { hung: 0, unexplained: 0, networkErrors: 0 })
}

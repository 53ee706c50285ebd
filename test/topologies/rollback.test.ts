import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { tagOf } from '../../lib/tokens/session-id.js'
import { eventually } from '../support/eventually.js'
import { Fleet } from '../support/fleet.js'
import type { RedisServer } from '../support/redis-server.js'
import { report } from '../support/report.js'
import { startCluster, startSentinel, type Topology } from '../support/topologies.js'

const CLIENTS = 20
const PATIENCE_MS = 30_000
const GRACE_MS = 100
/** After which a refresh rotates: the current token rests for three times the grace. */
const REST_MS = 4 * GRACE_MS
const FEED = 'frt:{feed}:revoked'

const REVOKED = { FRT_ERR_SESSION_REVOKED: CLIENTS }

/** What is lost with the master, and what becomes of the clients. */
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

t.test('Sentinel: a master dies whose replicas lag', async (t) => {
  await rollBack(t, 'Sentinel rollback', await startSentinel(t))
})

t.test('Redis Cluster: a master dies whose replica lags', async (t) => {
  await rollBack(t, 'Cluster rollback', await startCluster(t))
})

async function rollBack<O>(t: Test, what: string, topology: Topology<O>): Promise<void> {
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
  const [leaving] = (await Fleet.launch(t, settings('lost logouts', 'accept-one'))) as [Fleet]
  await Promise.all(fleets.map(rotate))
  await topology.replicated()

  const master = await topology.masterOf(FEED)
  const replicas = await lag(t, topology, master)
  await Promise.all(fleets.map(rotate))
  await Promise.all(fleets.filter((_, i) => CASES[i]?.rounds === 2).map(rotate))
  for (const client of leaving.clients) t.equal(await client.logout(0), 200)
  for (const client of leaving.clients) await eventually(async () => isRevoked(await client.call(1)))
  const [arriving] = (await Fleet.launch(t, settings('lost logins', 'accept-one'))) as [Fleet]

  process.kill(master.pid, 'SIGKILL')
  for (const { pid } of replicas) process.kill(pid, 'SIGCONT')
  await eventually(async () => (await topology.masterOf(FEED).catch(() => master)) !== master, PATIENCE_MS)

  for (const fleet of [...fleets, arriving]) fleet.drive()
  const isThrough = ({ clients, counts }: Fleet) =>
    counts.refreshes >= 5 * CLIENTS || clients.every(({ isLoggedIn }) => !isLoggedIn)
  await eventually(() => [...fleets, arriving].every(isThrough), PATIENCE_MS)
  await Promise.all([...fleets, arriving].map((fleet) => fleet.rest()))

  for (const [i, { name, loggedOut, rollbacks }] of CASES.entries()) {
    const fleet = fleets[i] as Fleet
    report(t, what, fleet)
    await t.test(name, async (t) => {
      t.same(fleet.counts.loggedOut, loggedOut)
      // Those whose rotation was answered too late are told of by nobody.
      const { rollbacks: told, unavailable } = fleet.counts
      t.ok(
        told <= rollbacks && told + unavailable >= rollbacks,
        `the store is told of: ${told} of ${rollbacks}`
      )
      answersWell(t, fleet)
    })
  }
  await t.test('logouts that the store has lost stay logouts', async (t) => {
    for (const client of leaving.clients) {
      await eventually(async () => isRevoked(await client.present(1)), PATIENCE_MS)
      t.ok(isRevoked(await client.call(1)))
      t.ok(isRevoked(await client.present(0)))
    }
    const latecomer = await leaving.open(t)
    for (const client of leaving.clients) {
      await eventually(async () => (await client.call(latecomer)).status === 401, PATIENCE_MS)
      t.ok(isRevoked(await client.present(latecomer)), 'for a process that started later, too')
    }
    answersWell(t, leaving)
  })
  await t.test('a login that the store has lost is lost', async (t) => {
    report(t, what, arriving)
    t.same(arriving.counts.loggedOut, { FRT_ERR_REFRESH_TOKEN_EXPIRED: CLIENTS })
    answersWell(t, arriving)
  })
}

/** Users whose sessions lie on the same master as a key. */
async function subjectsWith<O>({ masterOf }: Topology<O>, key: string): Promise<string[]> {
  const master = await masterOf(key)
  const subs: string[] = []
  for (let i = 0; subs.length < CLIENTS; i++) {
    const own = `frt:{${tagOf(`user-${i}`).toString('base64url')}}:s`
    if ((await masterOf(own)) === master) subs.push(`user-${i}`)
  }
  return subs
}

/** Cuts a master's replicas off, and keeps them from asking again: what it takes from now on is its own. */
async function lag<O>(t: Test, { replicasOf }: Topology<O>, master: RedisServer): Promise<RedisServer[]> {
  const replicas = await replicasOf(master)
  for (const { pid } of replicas) process.kill(pid, 'SIGSTOP')
  t.after(() => {
    for (const { pid } of replicas) process.kill(pid, 'SIGCONT')
  })
  await master.client().call('CLIENT', 'KILL', 'TYPE', 'replica')
  return replicas
}

/** Every client gets another generation, and uses it. */
async function rotate({ clients, counts }: Fleet): Promise<void> {
  await sleep(REST_MS)
  const before = counts.rotated
  for (const client of clients) {
    await client.refresh()
    await client.call()
  }
  if (counts.rotated !== before + clients.length) throw new Error('a client was not given another generation')
}

function isRevoked({ body }: { body: { code?: string } }): boolean {
  return body.code === 'FRT_ERR_SESSION_REVOKED'
}

function answersWell(t: Test, { counts }: Fleet): void {
  const { hung, unexplained, networkErrors } = counts
  t.same({ hung, unexplained, networkErrors }, { hung: 0, unexplained: 0, networkErrors: 0 })
}

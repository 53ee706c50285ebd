import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { tagOf } from '../../lib/tokens/session-id.js'
import { eventually } from '../support/eventually.js'
import { checkLogouts, deploy, hang } from '../support/hang.js'
import { startCluster } from '../support/topologies.js'

// The tests mostly wait, each for its own servers.
t.jobs = 2

const USERS = 10
/** Longer than the other masters need to replace it. */
const HANG_MS = 8000
/** When the users log out, after the master has resumed. The first requests are on their way then. */
const WHEN_MS = [-500, 0, 1000]
const FEED = '{feed}'

/** Which of the three masters hangs. The sessions of all users are on it. */
const CASES = { 'the master of the feed': true, 'another master': false }

for (const [name, hasFeed] of Object.entries(CASES)) {
  t.test(`Redis Cluster: logouts after ${name} has hung`, async (t) => {
    const topology = await startCluster(t)
    const feedMaster = await topology.masterOf(FEED)
    const masters = await topology.masters()
    const master = hasFeed ? feedMaster : masters.find((other) => other !== feedMaster)!
    const tagged = (sub: string) => `{${tagOf(sub)}}`
    const subs: string[] = []
    for (let i = 0; subs.length < WHEN_MS.length * USERS; i++) {
      if ((await topology.masterOf(tagged(`user-${i}`))) === master) subs.push(`user-${i}`)
    }
    const deployments = await Promise.all(
      WHEN_MS.map((ms, i) =>
        deploy(t, {
          name: `logout ${ms} ms after the master resumes`,
          connect: () => topology.connect(),
          subs: subs.slice(i * USERS, (i + 1) * USERS)
        })
      )
    )
    await topology.waitForReplication()
    await Promise.all([
      hang(t, master, HANG_MS),
      ...deployments.map(async (deployment, i) => {
        await sleep(HANG_MS + (WHEN_MS[i] as number))
        await checkLogouts(t, deployment)
      })
    ])
    await eventually(async () => (await topology.masters()).length === 3)
    t.not(await topology.masterOf(hasFeed ? FEED : tagged(subs[0] as string)), master, 'it was replaced')
  })
}

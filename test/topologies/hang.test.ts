import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { FastifyRefreshTokenOptions } from '../../lib/index.js'
import { checkLogouts, deploy, hang } from '../support/hang.js'
import { startSentinel } from '../support/topologies.js'

/** How long the master hangs, in seconds. */
const HANGS = (process.env.HANG_SECONDS ?? '4,8.5,15').split(',').map(Number)

const CASES: Record<string, Partial<FastifyRefreshTokenOptions>> = {
  'default options': {},
  "onStale: 'deny'": { revocation: { onStale: 'deny' } },
  'replicas: 1': { durability: { replicas: 1 } },
  'reconnectOnFailover: false': { reconnectOnFailover: false },
  "mode: 'store'": { revocation: { mode: 'store' } },
  "mode: 'none'": { revocation: { mode: 'none' } }
}
const subs = Array.from({ length: 10 }, (_, i) => `user-${i}`)

for (const seconds of HANGS) {
  t.test(`Sentinel: logouts after a master has hung for ${seconds} s`, async (t) => {
    const topology = await startSentinel(t, { downAfterMs: 2000 })
    const deployments = await Promise.all(
      Object.entries(CASES).map(([name, options]) =>
        deploy(t, { name, connect: topology.connect, subs, options })
      )
    )
    await topology.waitForReplication()
    await hang(t, await topology.masterOf(''), seconds * 1000)
    await sleep(1000)
    await Promise.all(deployments.map((deployment) => checkLogouts(t, deployment)))
    const masters = await topology.masters()
    t.equal(masters.length, 1, 'the old master was demoted')
  })
}

import type { Test } from 'tap'
import { eventually } from './eventually.js'
import { startRedis } from './redis-server.js'
import { REPLICATION } from './topologies.js'

/** Starts a master and its replica. The test can pause and resume the replica. */
export async function startPair(t: Test) {
  const master = await startRedis(t, REPLICATION)
  const replica = await startRedis(t, [...REPLICATION, '--replicaof', '127.0.0.1', String(master.port)])
  await eventually(async () => (await replica.client().info('replication')).includes('master_link_status:up'))
  const sendSignal = (name: NodeJS.Signals) => process.kill(replica.pid, name)
  // A paused process does not react to SIGTERM.
  t.after(() => {
    sendSignal('SIGCONT')
  })
  return { master, replica, pause: () => sendSignal('SIGSTOP'), resume: () => sendSignal('SIGCONT') }
}

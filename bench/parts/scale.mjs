import { Redis } from 'ioredis'
import { CORES, pin } from '../harness/cpus.mjs'
import { startRedis } from '../harness/redis.mjs'
import { CONNECTIONS, printRounds, runRounds } from '../harness/rounds.mjs'
import { format, progress } from '../harness/table.mjs'
import { build } from '../implementations/this-plugin.mjs'
import { refresh } from '../load/clients.mjs'
import { copyAll, createSessions } from './sessions.mjs'

/** Compares the same refresh with two Redis servers, one with few sessions and one with many. */
export async function scale(plan, { timing, scaled, targetReport }) {
  const few = await fill(plan, plan.few, plan.few)
  const many = await fill(plan, scaled(plan.many), scaled(plan.refreshed))
  const implementations = [few, many].map((filled) => ({ ...plan.implementation, ...filled }))

  const runs = await runRounds(implementations, undefined, prepare, timing)
  printRounds(plan.title, runs, [few.name])
  console.log(`\n${many.name}: ${format.count(many.bytes)} bytes each.`)
  const targets = [{ implementation: many.name, of: few.name, atLeast: plan.targets.ratio }]
  targetReport.ratios({ ...plan, targets }, runs)
  await Promise.all([few.redis.stop(), many.redis.stop()])
}

async function prepare({ transport, sessions }) {
  // Uses all sessions in turn, so that few are in the caches of the processor.
  return Array.from({ length: CONNECTIONS }, (_, at) =>
    refresh({ transport, sessions: sessions.filter((_, i) => i % CONNECTIONS === at), rotates: true })
  )
}

/** Starts a Redis server with `count` sessions. Returns the sessions that will be refreshed. */
async function fill({ implementation }, count, refreshed) {
  progress(`creating ${count} sessions`)
  const redis = await startRedis(CORES.server)
  const client = new Redis(redis.port, { enableAutoPipelining: true })
  const app = await build({ ...implementation.settings, mode: 'none', redis: client })
  const before = await redis.usedMemory()
  const sessions = await createSessions(app, refreshed)
  await copyAll(redis.client, Math.round(count / refreshed) - 1)
  const bytes = ((await redis.usedMemory()) - before) / count
  await app.close()
  client.disconnect()
  // The server under test needs its own core.
  pin(redis.pid, CORES.redis)
  return { name: `${format.count(count)} sessions`, redis, sessions, bytes }
}

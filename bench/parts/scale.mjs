import { Redis } from 'ioredis'
import { CORES, pin } from '../harness/cpus.mjs'
import { startRedis } from '../harness/redis.mjs'
import { CONNECTIONS, printRounds, runRounds } from '../harness/rounds.mjs'
import { format, progress } from '../harness/table.mjs'
import { build } from '../implementations/this-plugin.mjs'
import { refresh } from '../load/work.mjs'
import { copyAll, createSessions } from './sessions.mjs'

/** The same refresh in two Redis servers, one with few sessions and one with many. */
export async function scale(plan, { timing, sized, verdicts }) {
  const few = await fill(plan, plan.few, plan.few)
  const many = await fill(plan, sized(plan.many), sized(plan.refreshed))
  const contestants = [few, many].map((filled) => ({ ...plan.contestant, ...filled }))

  const runs = await runRounds(contestants, undefined, prepare, timing)
  printRounds(plan.title, runs, [few.name])
  console.log(`\n${many.name}: ${format.count(many.bytes)} bytes each.`)
  const targets = [{ contestant: many.name, of: few.name, atLeast: plan.targets.ratio }]
  verdicts.ratios({ ...plan, targets }, runs)
  await Promise.all([few.redis.stop(), many.redis.stop()])
}

async function prepare({ transport, sessions }) {
  // Spread over all of them, so that Redis finds little in the processor's caches.
  return Array.from({ length: CONNECTIONS }, (_, at) =>
    refresh({ transport, sessions: sessions.filter((_, i) => i % CONNECTIONS === at), rotates: true })
  )
}

/** Starts a Redis with that many sessions; gives those that will be refreshed. */
async function fill({ contestant }, count, refreshed) {
  progress(`making ${count} sessions`)
  const redis = await startRedis(CORES.server)
  const client = new Redis(redis.port, { enableAutoPipelining: true })
  const app = await build({ ...contestant.settings, mode: 'none', redis: client })
  const before = await redis.usedMemory()
  const sessions = await createSessions(app, refreshed)
  await copyAll(redis.client, Math.round(count / refreshed) - 1)
  const bytes = ((await redis.usedMemory()) - before) / count
  await app.close()
  client.disconnect()
  // The server needs its core for itself.
  pin(redis.pid, CORES.redis)
  return { name: `${format.count(count)} sessions`, redis, sessions, bytes }
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { CORES } from '../harness/cpus.mjs'
import { startRedis } from '../harness/redis.mjs'
import { format, printTable, progress } from '../harness/table.mjs'
import { userName } from '../implementations/common.mjs'
import { build } from '../implementations/this-plugin.mjs'
import { times } from './sessions.mjs'

/** Measures what the other sessions of a user cost a refresh: CPU time of Redis, and bytes in its append-only file. */
export async function sessionsPerUser(plan, { scaled, targetReport }) {
  const rows = []
  const cpuOf = new Map()
  for (const claims of plan.claims) {
    for (const count of plan.counts) {
      progress(`users with ${count} sessions and ${claims.bytes} bytes of claims`)
      const calls = { users: scaled(plan.users), rounds: scaled(plan.rounds) }
      const { cpuUs } = await measure({ count, claims, ...calls, appendonly: 'no' })
      const { aof, aofOfReplay } = await measure({
        count,
        claims,
        ...calls,
        users: scaled(20),
        appendonly: 'yes'
      })
      cpuOf.set(`${claims.bytes} ${count}`, cpuUs)
      rows.push([
        String(count),
        format.count(claims.bytes),
        cpuUs.toFixed(1),
        format.count(aof),
        format.count(aofOfReplay)
      ])
    }
  }
  const columns = ['sessions per user', 'bytes of claims', 'Redis CPU µs per refresh']
  printTable(plan.title, [...columns, 'AOF bytes per refresh', 'AOF bytes per replay'], rows)
  for (const { bytes } of plan.claims) {
    const [first, last] = [plan.counts[0], plan.counts.at(-1)]
    const ratio = cpuOf.get(`${bytes} ${last}`) / cpuOf.get(`${bytes} ${first}`)
    const what = `Redis CPU, ${last} sessions of ${first}, ${bytes} bytes of claims`
    targetReport.atMost(what, ratio, plan.targets.ratio)
  }
}

async function measure({ count, claims, users, rounds, appendonly }) {
  const dir = await mkdtemp(join(tmpdir(), 'bench-'))
  const redis = await startRedis(CORES.redis, { appendonly, dir })
  const client = new Redis(redis.port)
  const app = await build({ mode: 'none', redis: client, metadata: false })
  const tokens = []
  await times(users, async (number) => {
    for (let i = 0; i < count; i++) {
      const identity = { sub: userName(number), claims: claims.value }
      tokens[number] = (await app.sessions.create(identity)).refreshToken
    }
  })
  const refreshAll = () =>
    times(users, async (number) => {
      tokens[number] = (await app.sessions.refresh(tokens[number])).refreshToken
    })
  // The server caches the script.
  await refreshAll()
  const before = await sample(redis)
  for (let round = 0; round < rounds; round++) await refreshAll()
  const after = await sample(redis)

  // The responses are lost. Another application, which has a grace period, then gets the tokens of before.
  await times(users, (number) => app.sessions.refresh(tokens[number]))
  const patient = await build({ mode: 'none', redis: client, metadata: false, grace: '30s' })
  const replayAll = () => times(users, (number) => patient.sessions.refresh(tokens[number]))
  await replayAll()
  const beforeReplays = await sample(redis)
  for (let round = 0; round < rounds; round++) await replayAll()
  const afterReplays = await sample(redis)

  await Promise.all([app.close(), patient.close()])
  client.disconnect()
  await redis.stop()
  await rm(dir, { recursive: true, force: true })
  const calls = users * rounds
  return {
    cpuUs: ((after.cpuMs - before.cpuMs) * 1000) / calls,
    aof: (after.aof - before.aof) / calls,
    aofOfReplay: (afterReplays.aof - beforeReplays.aof) / calls
  }
}

async function sample(redis) {
  const { aof_current_size: aof = 0 } = await redis.info('persistence')
  return { cpuMs: await redis.cpuMs(), aof: Number(aof) }
}

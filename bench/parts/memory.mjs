import { Redis } from 'ioredis'
import { CORES } from '../harness/cpus.mjs'
import { startRedis } from '../harness/redis.mjs'
import { format, printTable, progress } from '../harness/table.mjs'
import { userName } from '../implementations/common.mjs'
import { build } from '../implementations/this-plugin.mjs'
import { times } from './sessions.mjs'

/** So many keys tell what all are like. */
const SAMPLE = 400

/** What `used_memory` grows by for each session, all keys and tables of Redis included; each user has one. */
export async function memory(plan, context) {
  const plain = await measureOurs(plan, context, {})
  const withMetadata = await measureOurs(plan, context, plan.metadata)
  const rows = [
    toRow('ours, no metadata', plain),
    toRow('ours, user agent and address', withMetadata),
    toRow('by hand', await measureOverHttp('baseline', plan, context)),
    toRow('GET, DEL, SET, SET', await measureOverHttp('tutorial', plan, context)),
    toRow('@fastify/session', await measureOverHttp('session', plan, context))
  ]
  const title = `${plan.title}, of ${format.count(context.sized(plan.sessions))}`
  printTable(title, ['contestant', 'bytes', 'keys, by MEMORY USAGE', 'growth per rotation'], rows)

  const { verdicts } = context
  verdicts.atMost('bytes per session without metadata', plain.bytes, plan.targets.plain)
  verdicts.atMost('bytes per session with a user agent', withMetadata.bytes, plan.targets.withMetadata)
  verdicts.atMost('growth per rotation', plain.growth, plan.targets.growthPerRotation)
}

function toRow(name, { bytes, keys, growth }) {
  const usage = keys.map(({ type, number, bytes }) => `${number} × ${type} of ${format.count(bytes)}`)
  return [name, format.count(bytes), usage.join(', '), growth?.toFixed(2)]
}

async function measureOurs(plan, { sized }, metadata) {
  const { bytes, keys } = await inRedis('this-plugin', sized(plan.sessions), async (client, count, measure) => {
    const app = await build({ mode: 'none', redis: client })
    const bytes = await measure(() =>
      times(count, (number) => app.sessions.create({ sub: userName(number), metadata }))
    )
    await app.close()
    return { bytes: bytes / count }
  })
  return { bytes, keys, growth: await measureGrowth(plan, metadata) }
}

/** By `MEMORY USAGE` of all keys, which is exact where they are few. */
async function measureGrowth({ rotatedSessions, rotations }, metadata) {
  return (
    await inRedis('ours, rotated', rotatedSessions, async (client, count) => {
      const app = await build({ mode: 'none', redis: client })
      const tokens = []
      await times(count, async (number) => {
        tokens[number] = (await app.sessions.create({ sub: userName(number), metadata })).refreshToken
      })
      const before = await usageOfAll(client)
      await times(count, async (number) => {
        for (let i = 0; i < rotations; i++) {
          tokens[number] = (await app.sessions.refresh(tokens[number])).refreshToken
        }
      })
      const growth = ((await usageOfAll(client)) - before) / (count * rotations)
      await app.close()
      return { growth }
    })
  ).growth
}

async function usageOfAll(client) {
  const keys = await client.keys('*')
  const sizes = await Promise.all(keys.map((key) => client.memory('USAGE', key, 'SAMPLES', 0)))
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function measureOverHttp(from, plan, { sized }) {
  return inRedis(from, sized(plan.sessions), async (client, count, measure) => {
    const contestant = await import(`../implementations/${from}.mjs`)
    const app = await contestant.build({ redis: client })
    await app.ready()
    const bytes = await measure(() =>
      times(count, async (number) => {
        const payload = { username: userName(number) }
        const { statusCode } = await app.inject({ method: 'POST', url: '/auth/login', payload })
        if (statusCode !== 200) throw new Error(`login: ${statusCode}`)
      })
    )
    await app.close()
    return { bytes: bytes / count }
  })
}

async function inRedis(name, count, work) {
  progress(`memory: ${name}, ${count} sessions`)
  const redis = await startRedis(CORES.server)
  const client = new Redis(redis.port, { enableAutoPipelining: true })
  // The first script and the first connection cost memory once.
  await client.eval('return 1', 0)
  const measure = async (act) => {
    const before = await redis.usedMemory()
    await act()
    return (await redis.usedMemory()) - before
  }
  const result = await work(client, count, measure)
  const keys = await usageOfTypes(redis.client, count)
  client.disconnect()
  await redis.stop()
  return { ...result, keys }
}

/** What a session's keys are: how many of each type, and their `MEMORY USAGE`, by a sample. */
async function usageOfTypes(client, count) {
  const sizes = new Map()
  for (let i = 0; i < SAMPLE; i++) {
    const key = await client.randomkey()
    const type = await client.type(key)
    sizes.set(type, [...(sizes.get(type) ?? []), await client.memory('USAGE', key, 'SAMPLES', 0)])
  }
  const keysPerSession = (await client.dbsize()) / count
  return [...sizes].map(([type, some]) => ({
    type,
    number: Math.round((keysPerSession * some.length) / SAMPLE),
    bytes: some.reduce((sum, size) => sum + size, 0) / some.length
  }))
}

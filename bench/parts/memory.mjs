import { Redis } from 'ioredis'
import { CORES } from '../harness/cpus.mjs'
import { startRedis } from '../harness/redis.mjs'
import { format, printTable, progress } from '../harness/table.mjs'
import { userName } from '../implementations/common.mjs'
import { build } from '../implementations/this-plugin.mjs'
import { times } from './sessions.mjs'

/** Number of keys that are sampled. */
const SAMPLE = 400

/** Measures the growth of `used_memory` per session, with all keys and tables of Redis. Each user has one session. */
export async function memory(plan, context) {
  const plain = await measureThisPlugin(plan, context, {})
  const withMetadata = await measureThisPlugin(plan, context, plan.metadata)
  const rows = [
    toRow('this plugin, no metadata', plain),
    toRow('this plugin, user agent and address', withMetadata),
    toRow('baseline', await measureOverHttp('baseline', plan, context)),
    toRow('GET, DEL, SET, SET', await measureOverHttp('tutorial', plan, context)),
    toRow('@fastify/session', await measureOverHttp('session', plan, context))
  ]
  const title = `${plan.title}, of ${format.count(context.scaled(plan.sessions))}`
  printTable(title, ['implementation', 'bytes', 'keys, by MEMORY USAGE', 'growth per rotation'], rows)

  const { targetReport } = context
  targetReport.atMost('bytes per session without metadata', plain.bytes, plan.targets.plain)
  targetReport.atMost('bytes per session with a user agent', withMetadata.bytes, plan.targets.withMetadata)
  targetReport.atMost('growth per rotation', plain.growth, plan.targets.growthPerRotation)
}

function toRow(name, { bytes, keys, growth }) {
  const usage = keys.map(({ type, number, bytes }) => `${number} × ${type} of ${format.count(bytes)}`)
  return [name, format.count(bytes), usage.join(', '), growth?.toFixed(2)]
}

async function measureThisPlugin(plan, { scaled }, metadata) {
  const { bytes, keys } = await inRedis(
    'this-plugin',
    scaled(plan.sessions),
    async (client, count, measure) => {
      const app = await build({ mode: 'none', redis: client })
      const bytes = await measure(() =>
        times(count, (number) => app.sessions.create({ sub: userName(number), metadata }))
      )
      await app.close()
      return { bytes: bytes / count }
    }
  )
  return { bytes, keys, growth: await measureGrowth(plan, metadata) }
}

/** Measures the growth per rotation by `MEMORY USAGE` of all keys, which is exact for few keys. */
async function measureGrowth({ rotatedSessions, rotations }, metadata) {
  return (
    await inRedis('this plugin, rotated', rotatedSessions, async (client, count) => {
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

async function measureOverHttp(from, plan, { scaled }) {
  return inRedis(from, scaled(plan.sessions), async (client, count, measure) => {
    const implementation = await import(`../implementations/${from}.mjs`)
    const app = await implementation.build({ redis: client })
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
  // The first script and the first connection allocate memory once.
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

/** Estimates the keys per session from a sample: the number of each type, and its `MEMORY USAGE`. */
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

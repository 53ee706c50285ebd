import { Redis } from 'ioredis'

/** Runs one implementation: `node server.mjs '{ "from", "settings", "redisPort" }'`. */
const { from, settings, redisPort } = JSON.parse(process.argv[2])

let commands = 0

/** Counts the Redis commands of the implementation. */
class CountingRedis extends Redis {
  sendCommand(...args) {
    commands++
    return super.sendCommand(...args)
  }
}

const handlers = {
  sample() {
    const { user, system } = process.cpuUsage()
    return { cpuMs: (user + system) / 1000, commands }
  }
}

process.on('message', ({ id, command }) => process.send({ id, response: handlers[command]() }))
// The benchmark has ended.
process.on('disconnect', () => process.exit())

try {
  const { build } = await import(`../implementations/${from}.mjs`)
  const redis = new CountingRedis(redisPort)
  redis.on('error', () => {})
  const app = await build({ ...settings, redis })
  await app.listen({ port: 0, host: '127.0.0.1' })
  process.send({ port: app.server.address().port })
} catch (error) {
  process.send({ error: error.message })
}

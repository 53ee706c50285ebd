import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, cpus, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { CORES, canPin, coreCount } from './cpus.mjs'

const PACKAGES = ['fastify', '@fastify/jwt', '@fastify/cookie', '@fastify/session', 'ioredis']

/** Describes the machine, the versions and the cores of the processes. */
export async function describeEnvironment(redis) {
  const { redis_version: redisVersion, mem_allocator: allocator } = await redis.info()
  const versions = PACKAGES.map((name) => `${name} ${versionOf(name)}`)
  const sharing = canPin
    ? `server on core ${CORES.server}, load generator on core ${CORES.generator}, Redis on core ${CORES.redis}`
    : 'processes are not pinned'
  return [
    `${cpus()[0]?.model.trim()}, ${coreCount} cores, ${platform()} ${arch()}`,
    `Node.js ${process.version}, Redis ${redisVersion} (${allocator}), ${versions.join(', ')}`,
    sharing
  ]
}

function versionOf(name) {
  const require = createRequire(import.meta.url)
  let folder = dirname(require.resolve(name))
  // Does not resolve `name/package.json`, because some packages do not export it.
  for (;;) {
    try {
      const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      if (found.name === name) return found.version
    } catch {}
    folder = dirname(folder)
  }
}

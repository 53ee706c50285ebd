import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, type Owner, type RedisServer, startRedis } from './redis-server.js'

export interface ConfiguredRedis extends RedisServer {
  /** Replaces the TLS port of the configuration. */
  tlsPort: number
}

/** Starts a Redis server with a configuration of the documentation. Its files are in a folder. */
export async function startConfigured(t: Owner, conf: string, folder: string): Promise<ConfiguredRedis> {
  const path = join(folder, 'redis.conf')
  await writeFile(path, conf)
  // Another process may take the port before the server does.
  for (let attempt = 1; ; attempt++) {
    const tlsPort = conf.includes('tls-port') ? await freePort() : 0
    try {
      const server = await startRedis(t, ['--dir', folder, '--tls-port', String(tlsPort)], path)
      return { ...server, tlsPort }
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

/** Starts one Sentinel for one master with the name `main`. */
export async function startLoneSentinel(t: Owner, master: RedisServer, folder: string): Promise<RedisServer> {
  const path = join(folder, 'sentinel.conf')
  await writeFile(path, `sentinel monitor main 127.0.0.1 ${master.port} 1\n`)
  return startRedis(t, ['--sentinel'], path)
}

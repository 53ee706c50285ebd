import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { start, stop as stopChild } from './children.mjs'
import { CORES, pin } from './cpus.mjs'

const SERVER = fileURLToPath(new URL('server.mjs', import.meta.url))

/**
 * Starts an implementation in its own process.
 *
 * @param keyPrefix separates the keys of this server from those of others in the same Redis
 * @returns the server, or `{ error }` if the implementation rejects its settings. The benchmark then continues without it
 */
export async function startServer(
  { from, settings = {} },
  redis,
  { core = CORES.server, profileTo, keyPrefix } = {}
) {
  const argument = JSON.stringify({ from, settings: { ...settings, keyPrefix }, redisPort: redis.port })
  const profile = profileTo ? ['--cpu-prof', `--cpu-prof-dir=${profileTo}`] : []
  // Pinned when it is ready, because many servers start at the same time.
  const child = start(null, process.execPath, [...profile, SERVER, argument], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' }
  })
  const [{ port, error }] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => [{ error: 'the server exited' }])
  ])
  const stop = async () => {
    if (child.connected) child.disconnect()
    await stopChild(child, 0)
  }
  if (error) {
    await stop()
    return { error }
  }

  pin(child.pid, core)

  let lastId = 0
  return {
    port,
    /** Returns the CPU time and the number of Redis commands of this process so far. */
    sample() {
      const id = ++lastId
      return new Promise((resolve) => {
        const onMessage = (message) => {
          if (message.id !== id) return
          child.off('message', onMessage)
          resolve(message.response)
        }
        child.on('message', onMessage)
        child.send({ id, command: 'sample' })
      })
    },
    stop
  }
}

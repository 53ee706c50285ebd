import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { start, stop as stopChild } from './children.mjs'
import { CORES, pin } from './cpus.mjs'

const SERVER = fileURLToPath(new URL('server.mjs', import.meta.url))

/**
 * Starts a contestant in a process of its own.
 *
 * @returns the server; or `{ error }` where the contestant refuses its settings: what is not there yet is
 *   not measured, and stops nothing
 */
export async function startServer({ from, settings = {} }, redis, { core = CORES.server, profileTo } = {}) {
  const argument = JSON.stringify({ from, settings, redisPort: redis.port })
  const profile = profileTo ? ['--cpu-prof', `--cpu-prof-dir=${profileTo}`] : []
  // It starts on any core, and is pinned when it is ready: many of them start at once.
  const child = start(null, process.execPath, [...profile, SERVER, argument], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' }
  })
  const [{ port, error }] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => [{ error: 'it ended' }])
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
    /** CPU time and Redis commands of this process until now. */
    sample() {
      const id = ++lastId
      return new Promise((resolve) => {
        const onMessage = (message) => {
          if (message.id !== id) return
          child.off('message', onMessage)
          resolve(message.answer)
        }
        child.on('message', onMessage)
        child.send({ id, question: 'sample' })
      })
    },
    stop
  }
}

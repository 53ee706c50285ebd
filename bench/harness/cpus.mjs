import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Read before this process is pinned, because it would be 1 afterwards. */
export const coreCount = availableParallelism()

/**
 * Whether processes can be pinned to a core. This needs Linux, `taskset` and two cores.
 *
 * The server has its own core. The load generator and Redis share another core, or have one each if there are more.
 */
export const canPin = process.platform === 'linux' && coreCount > 1 && hasTaskset()

export const CORES = { server: 0, generator: 1, redis: coreCount > 2 ? 2 : 1 }

/** Pins a running process with all its threads. */
export function pin(pid, core) {
  if (canPin && core !== null) spawnSync('taskset', ['-acp', String(core), String(pid)])
}

/** Returns a command that starts pinned with all its threads. If the core is `null`, it is not pinned. */
export function pinned(core, command, args) {
  return canPin && core !== null ? ['taskset', ['-c', String(core), command, ...args]] : [command, args]
}

function hasTaskset() {
  return spawnSync('taskset', ['--version']).status === 0
}

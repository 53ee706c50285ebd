import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Before this process is pinned: afterwards it would be one. */
export const coreCount = availableParallelism()

/**
 * The server has a core to itself; the load generator and Redis share another, or have one each where there
 * are more. Where a process cannot be pinned (no taskset, one core) the system decides.
 */
export const canPin = process.platform === 'linux' && coreCount > 1 && hasTaskset()

export const CORES = { server: 0, generator: 1, redis: coreCount > 2 ? 2 : 1 }

/** Pins a process that runs, with all its threads. */
export function pin(pid, core) {
  if (canPin && core !== null) spawnSync('taskset', ['-acp', String(core), String(pid)])
}

/** A command that starts pinned, so that its threads are, too; anywhere where the core is null. */
export function pinned(core, command, args) {
  return canPin && core !== null ? ['taskset', ['-c', String(core), command, ...args]] : [command, args]
}

function hasTaskset() {
  return spawnSync('taskset', ['--version']).status === 0
}

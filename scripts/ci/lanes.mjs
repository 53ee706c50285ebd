// Runs lanes of commands in parallel, and the commands of each lane one after the other. Prints one line per command, and
// the whole output of a command that fails. The first failure, or a signal, stops all commands.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../run.mjs'

/** Holds the outputs, and all temporary files of the commands, which a killed process does not delete. */
const folder = mkdtempSync(join(tmpdir(), 'ci-'))
const running = new Set()

process.on('exit', () => {
  for (const child of running) killGroup(child)
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
})
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'])
  process.on(signal, () => process.exit(128 + constants.signals[signal]))

/** @param {string[][]} lanes commands of the shell */
export async function runLanes(lanes) {
  await Promise.all(lanes.map(runLane))
}

async function runLane(commands) {
  for (const command of commands) await runCommand(command)
}

async function runCommand(command) {
  const startedAt = performance.now()
  const { succeeds, output } = await execute(command)
  const seconds = `${Math.round((performance.now() - startedAt) / 1000)} s`
  if (succeeds) {
    // The last line contains the result.
    console.log(`✓ ${command} (${seconds}): ${output.split('\n').at(-1)}`)
    return
  }
  console.log(`✗ ${command} (${seconds}):\n${output}`)
  process.exit(1)
}

async function execute(command) {
  const file = join(mkdtempSync(join(folder, 'output-')), 'output')
  const descriptor = openSync(file, 'w')
  const child = spawn(command, {
    shell: true,
    cwd: root,
    stdio: ['ignore', descriptor, descriptor],
    env: { ...process.env, TMPDIR: folder },
    // It leads a process group, so that the processes that it starts can be stopped with it.
    detached: true
  })
  closeSync(descriptor)
  running.add(child)
  const [status] = await once(child, 'exit')
  killGroup(child)
  running.delete(child)
  return { succeeds: status === 0, output: readFileSync(file, 'utf8').trim() }
}

function killGroup({ pid }) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

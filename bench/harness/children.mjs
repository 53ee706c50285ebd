import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { pinned } from './cpus.mjs'

/** The running child processes. They are killed when this process exits. */
const children = new Set()

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))

export function start(core, command, args, options) {
  const child = spawn(...pinned(core, command, args), options)
  children.add(child)
  child.on('exit', () => children.delete(child))
  return child
}

export async function stop(child, signal = 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

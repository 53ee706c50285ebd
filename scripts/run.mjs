import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

// The path is explicit, because TypeScript 6, which other scripts use, also installs a `tsc`.
export const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url))

/** Runs a command in the repository with a time limit. Exits this process if the command fails. */
export function run(command, args, { timeoutMs = 300_000, ...options } = {}) {
  const done = tryRun(command, args, { timeoutMs, ...options })
  if (done.status === 0) return done.stdout
  if (done.stdout) process.stderr.write(done.stdout)
  if (done.stderr) process.stderr.write(done.stderr)
  console.error(
    `failed (${done.error?.message ?? done.signal ?? done.status}): ${[command, ...args].join(' ')}`
  )
  process.exit(1)
}

/** Runs a command in the repository with a time limit. Returns the result of `spawnSync`. */
export function tryRun(command, args, { timeoutMs = 300_000, ...options } = {}) {
  return spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    encoding: 'utf8',
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: 64 * 1024 * 1024,
    ...options
  })
}

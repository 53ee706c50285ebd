// Installs Debian packages with apt, as root or with sudo.
import { onPath } from './on-path.mjs'
import { tryRun } from './run.mjs'

const apt = [
  'env',
  'DEBIAN_FRONTEND=noninteractive',
  'apt-get',
  '-qq',
  '-o',
  'DPkg::Lock::Timeout=120',
  '-o',
  'Acquire::Retries=3'
]

export function canInstall() {
  const options = { stdio: 'ignore', timeoutMs: 60_000 }
  return onPath('apt-get') && (isRoot() || tryRun('sudo', ['-n', 'true'], options).status === 0)
}

export function updatePackageLists() {
  runAsRoot([...apt, 'update'])
}

export function installPackages(names) {
  runAsRoot([...apt, 'install', '-y', '--no-install-recommends', ...names])
}

/** Runs a command as root. Prints its errors, and continues. */
export function runAsRoot(command) {
  const [name, ...args] = isRoot() ? command : ['sudo', '-n', ...command]
  const done = tryRun(name, args, { stdio: 'pipe' })
  if (done.status !== 0) console.error(done.stderr)
}

function isRoot() {
  return process.getuid?.() === 0
}

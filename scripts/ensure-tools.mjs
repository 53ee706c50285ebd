// What the tests start beside Node.js: a redis-server of their own, and the commands that the documentation names. What
// is missing is installed with apt, as root or by sudo. Debian and Ubuntu carry the server's binary in redis-tools (as
// redis-check-rdb, which looks at its own name): installed alone, it brings no service on port 6379.
import { existsSync } from 'node:fs'
import { onPath } from './on-path.mjs'
import { tryRun } from './run.mjs'

const server = process.env.REDIS_SERVER ?? 'redis-server'
const hasServer = () => tryRun(server, ['--version'], { stdio: 'ignore', timeoutMs: 10_000 }).status === 0

const TOOLS = {
  'redis-server': { package: 'redis-tools', isThere: hasServer },
  'redis-cli': { package: 'redis-tools' },
  curl: { package: 'curl' },
  openssl: { package: 'openssl' },
  // Debian puts it in a folder that is not on the PATH of other users than root.
  nginx: { package: 'nginx', isThere: () => onPath('nginx') !== undefined || existsSync('/usr/sbin/nginx') }
}

const isMissing = ([name, { isThere = () => onPath(name) }]) => !isThere()
const packages = missing().map(([, tool]) => tool.package)
if (packages.length > 0 && mayInstall()) install([...new Set(packages)])
const names = missing().map(([name]) => name)
if (names.length > 0) {
  console.error(
    `Not on the PATH: ${names.join(', ')}. Install them; REDIS_SERVER may be the path of a Redis of 6.2 or later.`
  )
  process.exit(1)
}

function missing() {
  return Object.entries(TOOLS).filter(isMissing)
}

function isRoot() {
  return process.getuid?.() === 0
}

function mayInstall() {
  return onPath('apt-get') && (isRoot() || quiet('sudo', ['-n', 'true']))
}

function install(packages) {
  console.log(`installing with apt-get: ${packages.join(', ')}`)
  const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=120']
  admin([...apt, 'update'])
  admin([...apt, 'install', '-y', '--no-install-recommends', ...packages])
  const binary = onPath('redis-check-rdb')
  if (binary && !hasServer()) admin(['ln', '-sf', binary, '/usr/local/bin/redis-server'])
}

function admin(command) {
  const [name, ...args] = isRoot() ? command : ['sudo', '-n', ...command]
  const done = tryRun(name, args, { stdio: 'pipe' })
  if (done.status !== 0) console.error(done.stderr)
}

function quiet(command, args) {
  return tryRun(command, args, { stdio: 'ignore', timeoutMs: 10_000 }).status === 0
}

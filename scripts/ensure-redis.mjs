// The tests start their own redis-server. Where there is none, Debian and Ubuntu carry the binary in redis-tools
// (as redis-check-rdb, which looks at its own name): installed alone, it brings no service on port 6379.
import { onPath } from './on-path.mjs'
import { tryRun } from './run.mjs'

const help = 'redis-server is not on the PATH: install Redis 6.2 or later, or set REDIS_SERVER to its path.'

if (!runs(process.env.REDIS_SERVER ?? 'redis-server')) {
  if (process.env.REDIS_SERVER || !install() || !runs('redis-server')) {
    console.error(help)
    process.exit(1)
  }
}

function runs(command) {
  return tryRun(command, ['--version'], { stdio: 'ignore', timeoutMs: 10_000 }).status === 0
}

function install() {
  const root = process.getuid?.() === 0
  if (!onPath('apt-get') || (!root && !quiet('sudo', ['-n', 'true']))) return false
  console.log('redis-server is not on the PATH: installing it with apt-get')
  const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=120']
  return (
    admin(root, [...apt, 'update']) &&
    admin(root, [...apt, 'install', '-y', '--no-install-recommends', 'redis-tools']) &&
    admin(root, ['ln', '-sf', onPath('redis-check-rdb'), '/usr/local/bin/redis-server'])
  )
}

function admin(root, command) {
  const [name, ...args] = root ? command : ['sudo', '-n', ...command]
  const done = tryRun(name, args, { stdio: 'pipe' })
  if (done.status !== 0) console.error(done.stderr)
  return done.status === 0
}

function quiet(command, args) {
  return tryRun(command, args, { stdio: 'ignore', timeoutMs: 10_000 }).status === 0
}

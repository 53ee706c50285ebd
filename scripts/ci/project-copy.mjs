// Copies the project into a temporary folder with other versions of its packages, for `npm run test:matrix`.
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { root, run } from '../run.mjs'

/** Not copied, if in the root folder. */
const EXCLUDED = new Set(['.git', '.servers', '.tools', '.tap', 'dist'])

/** @returns the path of a copy with these packages, and a function that removes it */
export function projectWith(packages) {
  const folder = mkdtempSync(join(tmpdir(), 'project-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  cpSync(root, folder, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !EXCLUDED.has(relative(root, path).split(sep)[0])
  })
  run('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], {
    cwd: folder,
    stdio: 'pipe'
  })
  return { path: folder, remove }
}

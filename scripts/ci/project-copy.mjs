// Copies the project into a temporary folder, for `npm run test:matrix`.
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run } from '../run.mjs'

/** Not copied, if in the root folder. */
const EXCLUDED = new Set(['.git', '.browser', '.servers', '.tap'])

const copies = new Set()
process.once('exit', () => {
  for (const folder of copies) rmSync(folder, { recursive: true, force: true })
})

/** @returns the path of a copy, in which these packages replace others, and a function that removes it */
export function copyProject(packages = []) {
  const folder = mkdtempSync(join(tmpdir(), 'project-'))
  copies.add(folder)
  const remove = () => {
    copies.delete(folder)
    rmSync(folder, { recursive: true, force: true })
  }
  copy(root, folder, EXCLUDED)
  if (packages.length > 0) {
    run('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], {
      cwd: folder,
      stdio: 'pipe'
    })
  }
  return { path: folder, remove }
}

function copy(from, to, excluded = new Set()) {
  mkdirSync(to, { recursive: true })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (excluded.has(entry.name)) continue
    if (entry.isDirectory()) copy(source, target)
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target)
    else if (entry.isFile()) copyFile(source, target)
  }
}

/** Links the files of packages instead of copying 600 MB. npm replaces these files and does not change them. */
function copyFile(source, target) {
  if (/node_modules[\\/].*[\\/]/.test(target)) {
    try {
      linkSync(source, target)
      return
    } catch (error) {
      if (!['EXDEV', 'EPERM', 'EMLINK'].includes(error.code)) throw error
    }
  }
  copyFileSync(source, target)
}

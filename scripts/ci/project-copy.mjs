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

/** Not copied. The other steps of .ci/run write to some of these folders at the same time. */
const EXCLUDED = ['.git', '.browser', '.servers', '.tap', 'dist', 'bench/node_modules']

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
  if (packages.length > 0) {
    copy(root, folder, absolute(EXCLUDED))
    run('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], {
      cwd: folder,
      stdio: 'pipe'
    })
  } else {
    // Nothing changes the packages, and to link 35,000 files takes seconds.
    copy(root, folder, absolute([...EXCLUDED, 'node_modules']))
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  }
  return { path: folder, remove }
}

function absolute(paths) {
  return new Set(paths.map((path) => join(root, path)))
}

function copy(from, to, excluded) {
  mkdirSync(to, { recursive: true })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (excluded.has(source)) continue
    if (entry.isDirectory()) copy(source, target, excluded)
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
      // A test in the original project has just renamed a draft in the cache of ts-hooks.mjs.
      if (error.code === 'ENOENT') return
      if (!['EXDEV', 'EPERM', 'EMLINK'].includes(error.code)) throw error
    }
  }
  copyFileSync(source, target)
}

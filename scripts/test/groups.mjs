// Decides which test files share a process.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = '.tap/groups'

/** Folders whose files can share a process, because they neither wait nor leave changes behind. */
const SHARED = /^test\/(unit|http|client|fuzz|docs\/recipes|docs\/examples)\//

/** Files that need their own process. */
const ALONE = new Set([
  // They check the heap, the timers or the exit of their process.
  'test/unit/utils/retry-queue.test.ts',
  'test/client/runtime.test.ts',
  'test/http/secrets-in-logs.test.ts'
])

const MAX_FILES = 16

/** @returns {string[]} the files that tap runs, each in a process: test files, and files that run a group */
export function groupFiles(files) {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  const isShared = (file) => SHARED.test(file) && !ALONE.has(file)
  const folders = Map.groupBy?.(files.filter(isShared), folderOf) ?? groupBy(files.filter(isShared), folderOf)
  const groups = [...folders].flatMap(([folder, members]) => split(folder, members))
  return [...groups.map(write), ...files.filter((file) => !isShared(file))]
}

function folderOf(file) {
  return SHARED.exec(file)[1]
}

/** Map.groupBy exists since Node.js 21. */
function groupBy(items, keyOf) {
  const groups = new Map()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

function split(folder, members) {
  const count = Math.ceil(members.length / MAX_FILES)
  // Takes every n-th file, because neighboring files take about the same time.
  return Array.from({ length: count }, (_, i) => ({
    name: `${folder.replaceAll('/', '-')}-${i + 1}`,
    members: members.filter((_, at) => at % count === i)
  }))
}

function write({ name, members }) {
  const file = join(FOLDER, `${name}.test.mjs`)
  writeFileSync(
    file,
    `import { runGroup } from '../../scripts/test/group.mjs'\n\nrunGroup(${JSON.stringify(members, null, 2)})\n`
  )
  return file
}

// Decides which test files share a process, because a process that loads the plugin takes two seconds of CPU time to start.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = '.tap/groups'

/** Folders whose files share processes. The first one that contains a file counts. Those that take longest start first. */
const FOLDERS = [
  'test/redis/faults/',
  'test/http/',
  'test/redis/feed/',
  'test/redis/',
  'test/docs/recipes/',
  'test/docs/examples/',
  'test/docs/',
  'test/client/',
  'test/fuzz/',
  'test/verification/',
  'test/unit/'
]

/** The number of files that share a process. Less for few files, which mostly wait and should do so at the same time. */
const groupSize = (fileCount) => Math.min(20, Math.max(4, Math.ceil(fileCount / 6)))

/** Files that need their own process. */
const ALONE = new Set([
  // Its processes use all processors.
  'test/docs/code-blocks.test.ts',
  // It defines the globals of a browser.
  'test/docs/react-page.test.ts',
  // They check the heap, the timers or the exit of their process.
  'test/client/runtime.test.ts',
  'test/http/secrets-in-logs.test.ts',
  'test/unit/utils/retry-queue.test.ts'
])

/** @returns {string[]} the files that tap runs, each in a process: test files, and files that run a group */
export function groupFiles(files) {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  const alone = []
  const groups = new Map(FOLDERS.map((folder) => [folder, []]))
  for (const file of files) {
    const folder = ALONE.has(file) ? undefined : FOLDERS.find((each) => file.startsWith(each))
    if (folder) groups.get(folder).push(file)
    else alone.push(file)
  }
  const size = groupSize(files.length)
  return [...alone, ...[...groups].flatMap(([folder, members]) => split(folder, members, size)).map(write)]
}

function split(folder, members, size) {
  const count = Math.ceil(members.length / size)
  // Takes every n-th file, because neighboring files take about the same time.
  return Array.from({ length: count }, (_, i) => ({
    name: `${folder.slice('test/'.length).replaceAll('/', '-')}${i + 1}`,
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

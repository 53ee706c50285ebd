// Checks the type tests with the compiler. They use the built package, and they are not executed. Each folder is a program
// of its own, because claims that a file declares are declared in the whole program.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root, tryRun, tsc } from './run.mjs'

const TESTS = 'test/types'

const folders = readdirSync(join(root, TESTS), { withFileTypes: true }).filter((entry) => entry.isDirectory())
for (const project of [TESTS, ...folders.map(({ name }) => join(TESTS, name))]) {
  // With one thread, the compiler needs less CPU time and hardly more time.
  const { status } = tryRun(process.execPath, [tsc, '-p', project, '--singleThreaded'])
  if (status !== 0) process.exitCode = 1
}

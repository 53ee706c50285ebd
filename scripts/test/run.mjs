// Runs the main suite: `npm run test:unit`, or the named files: `npm run test:unit -- test/one.test.ts`. Other arguments go to
// tap.
import { readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { root, run, tryRun } from '../run.mjs'
import { groupFiles } from './groups.mjs'
import { lastResults } from './reporter.mjs'
import { mainTests } from './suites.mjs'

process.chdir(root)

const TIMEOUT_MS = 45 * 60_000

const args = process.argv.slice(2)
const options = args.filter((arg) => arg.startsWith('-'))
const named = args.filter((arg) => !arg.startsWith('-'))
const covers = named.length === 0 && !options.includes('--disable-coverage')
const tap = ['node_modules/tap/dist/esm/run.mjs']

run(process.execPath, ['scripts/ensure-tools.mjs'], { timeoutMs: 900_000 })

// tap is published with all its plugins. It has to be built again without those that .taprc disables.
const built = readFileSync('node_modules/@tapjs/test/test-built/src/index.ts', 'utf8')
const disabled = readFileSync('.taprc', 'utf8').matchAll(/"!(.+)"/g)
if ([...disabled].some(([, plugin]) => built.includes(`"${plugin}"`))) {
  run(process.execPath, [...tap, 'build'], { stdio: 'pipe' })
}

rmSync(process.env.TEST_RESULTS ?? '.tap/results.json', { force: true })
rmSync('.tap/report', { recursive: true, force: true })
const files = named.length > 0 ? named : mainTests
const { status, signal, error } = tryRun(
  process.execPath,
  [
    ...tap,
    '--reporter=./scripts/test/reporter.mjs',
    // Many files wait for timeouts of Redis clients, so one more of them runs at once than there are processors.
    ...(options.some((option) => option.startsWith('--jobs'))
      ? []
      : [`--jobs=${availableParallelism() + 1}`]),
    ...(covers ? [] : ['--disable-coverage']),
    ...options,
    ...(files.length > 1 ? groupFiles(files) : files)
  ],
  { timeoutMs: TIMEOUT_MS }
)
const { passed, failed } = lastResults()
if (error?.code === 'ETIMEDOUT' || signal === 'SIGKILL') {
  console.error(`The suite did not finish within ${TIMEOUT_MS / 60_000} minutes and was stopped.`)
  process.exit(1)
}
const uncovered = covers && failed === 0 ? await findUncovered() : []
for (const file of uncovered)
  console.error(`${file}: no test imports it, so that coverage does not include it`)
if (status !== 0 && failed === 0)
  console.error('No test failed, but coverage is below 100 % or tap itself failed.')
if (status !== 0 || failed > 0 || passed === 0 || uncovered.length > 0) process.exit(1)

/** Imports the check only if it is needed, because the compiler takes two seconds of CPU time to load. */
async function findUncovered() {
  const { filesWithoutCoverage } = await import('./uncovered.mjs')
  return filesWithoutCoverage()
}

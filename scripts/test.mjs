// The test suite: `npm run test:unit`, or `npm run test:unit -- test/one.test.ts`. Arguments go to tap.
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import tsBlankSpace from 'ts-blank-space'
import ts from 'typescript-6'
import { root, run, tryRun } from './run.mjs'
import { lastResults } from './tap-reporter.mjs'

process.chdir(root)

const args = process.argv.slice(2)
const someFiles = args.some((arg) => !arg.startsWith('-'))
const covers = !someFiles && !args.includes('--disable-coverage')
const tap = ['node_modules/tap/dist/esm/run.mjs']

run(process.execPath, ['scripts/ensure-tools.mjs'], { timeoutMs: 900_000 })

// tap comes built with its own TypeScript plugin, which .taprc leaves out; a run that finds this out itself fails once.
const built = readFileSync('node_modules/@tapjs/test/test-built/src/index.ts', 'utf8')
if (built.includes("'@tapjs/typescript'") || built.includes('"@tapjs/typescript"')) {
  run(process.execPath, [...tap, 'build'], { stdio: 'pipe' })
}

rmSync(process.env.TEST_RESULTS ?? '.tap/results.json', { force: true })
rmSync('.tap/report', { recursive: true, force: true })
const done = tryRun(
  process.execPath,
  [...tap, '--reporter=./scripts/tap-reporter.mjs', ...(someFiles ? ['--disable-coverage'] : []), ...args],
  { timeoutMs: 1_500_000 }
)
const forgotten = covers ? uncounted() : []
for (const file of forgotten) console.error(`${file}: no test imports it, so coverage does not count it`)

const { passed, failed } = lastResults()
if (done.status !== 0 && failed === 0)
  console.error('no test failed, but coverage is short of 100 % or tap itself failed')
if (done.status !== 0 || failed > 0 || passed === 0 || forgotten.length > 0) process.exit(1)

// Files of lib/ that hold code and that the coverage report has not heard of.
function uncounted() {
  let covered
  try {
    covered = Object.keys(JSON.parse(readFileSync('.tap/report/coverage-summary.json', 'utf8')))
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    covered = []
  }
  return readdirSync('lib', { recursive: true })
    .map((name) => join('lib', String(name)))
    .filter((file) => file.endsWith('.ts') && !covered.includes(join(root, file)) && holdsCode(file))
}

function holdsCode(file) {
  const code = tsBlankSpace(readFileSync(file, 'utf8'))
  return ts
    .createSourceFile(file, code, ts.ScriptTarget.Latest)
    .statements.some(
      (statement) =>
        !ts.isEmptyStatement(statement) && !(ts.isExportDeclaration(statement) && !statement.moduleSpecifier)
    )
}

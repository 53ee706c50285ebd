// Runs one test file, and again after each change: `npm run test:watch -- test/one.test.ts`. It does not use the runner of
// tap or coverage, so that the result takes only a second or two.
import { spawn } from 'node:child_process'
import { watch } from 'node:fs'
import { Parser } from 'tap-parser'
import { root } from '../run.mjs'
import { collect, describe, summarize } from './reporter.mjs'

process.chdir(root)

const [file] = process.argv.slice(2)
if (!file) {
  console.error('usage: npm run test:watch -- test/one.test.ts')
  process.exit(1)
}

const FOLDERS = ['lib', 'types', 'test', 'examples', 'verification']
/** Waits for this time after a change, because an editor can write a file in several steps. */
const SETTLE_MS = 50

const node = [
  '--disable-warning=ExperimentalWarning',
  '--import=./scripts/ts-loader.mjs',
  '--import=./test/support/watch-logs.ts'
]

let child
let timer
for (const folder of FOLDERS) {
  watch(folder, { recursive: true }, () => {
    clearTimeout(timer)
    timer = setTimeout(runFile, SETTLE_MS)
  })
}
runFile()

function runFile() {
  child?.kill()
  const startedAt = performance.now()
  const parser = new Parser()
  const test = { tests: [], failures: [] }
  collect(parser, test)
  const current = spawn(process.execPath, [...node, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TAP: '1' }
  })
  child = current
  current.stdout.pipe(parser)
  current.once('close', (code) => {
    if (child !== current) return
    test.result = { ok: code === 0, name: file, time: performance.now() - startedAt }
    console.log(summarize(test))
    if (code !== 0) console.log(describe(test, []).join(''))
  })
}

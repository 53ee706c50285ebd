// Prints the last line of .ci/run: the sum of its suites. The argument `stopped` means that a step failed. If no test failed, it
// counts as one failure.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../run.mjs'

const folder = join(root, '.tap')
const total = { passed: 0, failed: 0 }
for (const name of readdirSync(folder).filter((name) => /^results.*\.json$/.test(name))) {
  const { passed, failed } = JSON.parse(readFileSync(join(folder, name), 'utf8'))
  total.passed += passed
  total.failed += failed
}
const failed = process.argv[2] === 'stopped' ? Math.max(total.failed, 1) : total.failed
console.log(`${total.passed} passed, ${failed} failed`)

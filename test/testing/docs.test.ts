import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import t from 'tap'

const text = await readFile('docs/testing.md', 'utf8')
const programs = [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, program = '']) => program)

t.equal(programs.length, 2)
for (const [i, program] of programs.entries()) {
  t.test(`the tests of docs/testing.md pass: program ${i + 1}`, async (t) => {
    const args = [
      '--import=./scripts/ts-loader.mjs',
      '--test-reporter=tap',
      '--input-type=module',
      '-e',
      program
    ]
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env
    const { stdout, stderr, status } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      env,
      timeout: 60_000
    })
    t.equal(status, 0, stdout + stderr)
    t.match(stdout, /^# pass [1-9]/m)
  })
}

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)

t.test('the tests of the example app pass', async (t) => {
  const args = ['--import', 'tsx', '--test', '--test-reporter', 'tap', 'examples/recipes/notes.test.ts']
  // Without the loaders and the coverage of this suite, which are in the environment.
  const env = { PATH: process.env.PATH, NODE_V8_COVERAGE: '' }
  const { stdout } = await run(process.execPath, args, { env }).catch((error) => error)
  t.match(stdout, /^# pass 5$/m, stdout)
  t.match(stdout, /^# fail 0$/m)
})

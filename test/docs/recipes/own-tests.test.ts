import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)

t.test("the tests of a user's own app pass, as he runs them", async (t) => {
  const args = ['--import', 'tsx', '--test', '--test-reporter', 'tap', 'examples/recipes/notes.test.ts']
  // Nothing of this suite's own loaders and coverage, which the environment brings.
  const env = { PATH: process.env.PATH, NODE_V8_COVERAGE: '' }
  const { stdout } = await run(process.execPath, args, { env }).catch((error) => error)
  t.match(stdout, /^# pass 5$/m, stdout)
  t.match(stdout, /^# fail 0$/m)
})

// Runs a suite that does not count for coverage: `npm run test:docs` or `npm run test:thorough`.
import { root, tryRun } from '../run.mjs'
import { docsTests, thoroughTests } from './suites.mjs'

const suites = { docs: docsTests, thorough: thoroughTests }
const name = process.argv[2]

process.chdir(root)
// .ci/run adds the counts of all suites.
process.env.TEST_RESULTS ??= `.tap/results-${name}.json`
if (name === 'thorough') process.env.TEST_EFFORT = 'thorough'
const { status } = tryRun(process.execPath, ['scripts/test/run.mjs', '--disable-coverage', ...suites[name]], {
  timeoutMs: 1_800_000
})
process.exit(status ?? 1)

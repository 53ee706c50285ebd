// Runs the random, exhaustive and long tests at full length: `npm run test:thorough`. `npm test` runs short versions.
import { readdirSync } from 'node:fs'
import { root, tryRun } from '../run.mjs'

process.chdir(root)
process.env.TEST_EFFORT = 'thorough'
process.env.TEST_RESULTS ??= '.tap/results-thorough.json'

const usesEffort = [
  ...readdirSync('test/verification').map((name) => `test/verification/${name}`),
  ...readdirSync('test/fuzz')
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/fuzz/${name}`),
  'test/client/lossy.test.ts',
  'test/redis/faults/client-options.test.ts',
  'test/redis/faults/pile-up.test.ts',
  'test/redis/store/differential.test.ts',
  'test/redis/versions/releases.test.ts'
]
const { status } = tryRun(process.execPath, ['scripts/test/run.mjs', '--disable-coverage', ...usesEffort], {
  timeoutMs: 1_800_000
})
process.exit(status ?? 1)

// Runs a suite that does not count for coverage.
import { root, tryRun } from '../run.mjs'

/** @param {string} name names the file of the counts, which .ci/run adds */
export function runSuite(name, files) {
  process.chdir(root)
  process.env.TEST_RESULTS ??= `.tap/results-${name}.json`
  const { status } = tryRun(process.execPath, ['scripts/test/run.mjs', '--disable-coverage', ...files], {
    timeoutMs: 1_800_000
  })
  process.exit(status ?? 1)
}

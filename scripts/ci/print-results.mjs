// The last line of .ci/run. With `stopped`, a step failed: if no test did, that step is the one failure.
import { lastResults } from '../test/reporter.mjs'

const { passed, failed } = lastResults()
console.log(`${passed} passed, ${process.argv[2] === 'stopped' && failed === 0 ? 1 : failed} failed`)

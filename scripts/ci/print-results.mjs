// Prints the last line of .ci/run. The argument `stopped` means that a step failed. If no test failed, it counts as one
// failure.
import { lastResults } from '../test/reporter.mjs'

const { passed, failed } = lastResults()
console.log(`${passed} passed, ${process.argv[2] === 'stopped' && failed === 0 ? 1 : failed} failed`)

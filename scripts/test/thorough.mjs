// Runs the random, exhaustive and long tests at full length: `npm run test:thorough`.
import { runSuite } from './run-suite.mjs'
import { thoroughTests } from './suites.mjs'

process.env.TEST_EFFORT = 'thorough'
runSuite('thorough', thoroughTests)

// Runs the tests of the pages, recipes and examples: `npm run test:docs`.
import { runSuite } from './run-suite.mjs'
import { docsTests } from './suites.mjs'

runSuite('docs', docsTests)

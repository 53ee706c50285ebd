// Lists the files of each suite. `npm test` runs what a change of lib/ most often breaks, so that it ends within minutes.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../run.mjs'

/** Need a browser, many servers or Python, and have commands of their own. */
const SEPARATE = /^test\/(browser|foreign-clients|topologies)\//

/** The pages, recipes and examples. */
const DOCS = /^test\/docs\//

/** Random, exhaustive and long tests. */
const THOROUGH = [
  /^test\/(fuzz|soak|verification)\//,
  /^test\/client\/lossy\./,
  /^test\/redis\/faults\/(client-options|pile-up)\./,
  /^test\/redis\/store\/differential\./,
  /^test\/redis\/versions\/releases\./
]

const isThorough = (file) => THOROUGH.some((pattern) => pattern.test(file))

export const allTests = readdirSync(join(root, 'test'), { recursive: true })
  .map((name) => `test/${name}`)
  .filter((file) => file.endsWith('.test.ts') && !SEPARATE.test(file))
  .sort()

/** `npm run test:docs` */
export const docsTests = allTests.filter((file) => DOCS.test(file))

/** `npm run test:thorough` */
export const thoroughTests = allTests.filter(isThorough)

/** `npm run test:unit`, a part of `npm test` */
export const mainTests = allTests.filter((file) => !DOCS.test(file) && !isThorough(file))

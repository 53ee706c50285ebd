// Runs the tests in a real browser: `npm run test:browser`, or `npm run test:browser -- test/browser/one.test.ts`.
// CHROMIUM is the path of an installed Chromium. ARTEFACTS is a folder for the screenshots of the demo.
import { mkdirSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findChromium } from './chromium.mjs'
import { root, tryRun } from './run.mjs'

const folder = 'test/browser'
const requested = process.argv.slice(2)
const all = readdirSync(join(root, folder)).filter((name) => name.endsWith('.test.ts'))
const artefacts = process.env.ARTEFACTS ?? join(tmpdir(), 'fastify-refresh-token-browser')

const chromium = findChromium()
if (!chromium) {
  console.error(
    'No usable Chromium was found. Install one (Debian: apt-get install chromium), or set CHROMIUM to its path.'
  )
  process.exit(1)
}
mkdirSync(artefacts, { recursive: true })
console.log(`Screenshots of the demo: ${artefacts}`)
const { status } = tryRun(
  process.execPath,
  [
    ...['scripts/test/run.mjs', '--jobs=1', '--timeout=600'],
    ...(requested.length > 0 ? requested : all.map((name) => `${folder}/${name}`))
  ],
  {
    timeoutMs: 1_500_000,
    env: {
      ...process.env,
      CHROMIUM: chromium,
      ARTEFACTS: artefacts,
      TEST_RESULTS: join(root, '.tap/results-browser.json')
    }
  }
)
if (status !== 0) process.exit(1)

// The tests in a real browser: `npm run test:browser`, or `-- test/browser/one.test.ts`. CHROMIUM is the path of a
// Chromium of your own; ARTEFACTS a folder for the pictures of the demo's page, outside of the repository.
import { mkdirSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findChromium } from './chromium.mjs'
import { root, tryRun } from './run.mjs'

const folder = 'test/browser'
const asked = process.argv.slice(2)
const all = readdirSync(join(root, folder)).filter((name) => name.endsWith('.test.ts'))
const artefacts = process.env.ARTEFACTS ?? join(tmpdir(), 'fastify-refresh-token-browser')

const chromium = findChromium()
if (!chromium) {
  console.error(
    'No Chromium runs here: install one (Debian: apt-get install chromium), or set CHROMIUM to its path.'
  )
  process.exit(1)
}
mkdirSync(artefacts, { recursive: true })
const { status } = tryRun(
  process.execPath,
  [
    ...['scripts/test/run.mjs', '--jobs=1', '--timeout=180'],
    ...(asked.length > 0 ? asked : all.map((name) => `${folder}/${name}`))
  ],
  {
    timeoutMs: 600_000,
    env: {
      ...process.env,
      CHROMIUM: chromium,
      ARTEFACTS: artefacts,
      TEST_RESULTS: join(root, '.tap/results-browser.json')
    }
  }
)
console.log(`Pictures of the demo's page: ${artefacts}`)
if (status !== 0) process.exit(1)

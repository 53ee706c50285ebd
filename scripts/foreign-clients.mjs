// Runs OAuth clients of other projects, without changes, against a listening server: `npm run test:foreign-clients`, or
// `npm run test:foreign-clients -- test/foreign-clients/authlib.test.ts`. PYTHON is the path of a Python with the clients.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pythonWithClients } from './python-clients.mjs'
import { root, tryRun } from './run.mjs'

const folder = 'test/foreign-clients'
const requested = process.argv.slice(2)
const all = readdirSync(join(root, folder)).filter((name) => name.endsWith('.test.ts'))
const files = requested.length > 0 ? requested : all.map((name) => `${folder}/${name}`)

const python = pythonWithClients()
if (!python) {
  console.error(
    'The Python clients cannot be tested, because requests_oauthlib and authlib cannot be installed.'
  )
  process.exit(1)
}
const { status } = tryRun(process.execPath, ['scripts/test/run.mjs', '--disable-coverage', ...files], {
  timeoutMs: 600_000,
  env: {
    ...process.env,
    PYTHON: python,
    TEST_RESULTS: join(root, '.tap/results-foreign-clients.json')
  }
})
process.exit(status ?? 1)

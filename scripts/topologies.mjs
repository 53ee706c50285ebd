// Runs the tests with Redis Cluster and Sentinel: `npm run test:topologies` with every available server, or
// `npm run test:topologies -- valkey` with one. VALKEY_SERVER is the path of an installed Valkey.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { debianServers } from './ci/debian-servers.mjs'
import { root, tryRun } from './run.mjs'

const folder = 'test/topologies'
const rows = join(root, '.tap/topologies.md')
/** The tests that also run on the other servers. */
const ON_ALL_SERVERS = ['conformance.test.ts', 'failover.test.ts', 'hang.test.ts', 'rollback.test.ts']

const args = process.argv.slice(2)
const all = readdirSync(join(root, folder)).filter((name) => name.endsWith('.test.ts'))
const requested = args.filter((arg) => arg.endsWith('.test.ts')).map((arg) => arg.split('/').at(-1))
const names = args.filter((arg) => !arg.endsWith('.test.ts'))

const debian = debianServers()
const servers = {
  redis: { command: process.env.REDIS_SERVER ?? 'redis-server', files: all },
  valkey: { command: process.env.VALKEY_SERVER ?? debian?.valkey, files: ON_ALL_SERVERS },
  'later-redis': { command: debian?.redis, files: ON_ALL_SERVERS.slice(0, 3) }
}
const unknown = names.filter((name) => !(name in servers))
if (unknown.length > 0) {
  console.error(`unknown server ${unknown.join(', ')}, expected one of ${Object.keys(servers).join(', ')}`)
  process.exit(1)
}

rmSync(rows, { force: true })
const total = { passed: 0, failed: 0 }
for (const [name, { command, files }] of Object.entries(servers)) {
  if (names.length > 0 && !names.includes(name)) continue
  if (!command) {
    console.log(
      `${name}: not run, because apt or the Debian keyring is missing, or the archive is not reachable`
    )
    continue
  }
  runOn(name, command, requested.length > 0 ? requested : files)
}
if (existsSync(rows)) console.log(`\n${readFileSync(rows, 'utf8')}`)
console.log(`${total.passed} passed, ${total.failed} failed`)
if (total.failed > 0 || total.passed === 0) process.exit(1)

function runOn(name, command, files) {
  const version = /v=(\S+)/.exec(tryRun(command, ['--version'], { stdio: 'pipe' }).stdout ?? '')?.[1]
  console.log(`${name} ${version ?? ''}`)
  const results = join(root, `.tap/results-topologies-${name}.json`)
  rmSync(results, { force: true })
  const done = tryRun(
    process.execPath,
    ['scripts/test/run.mjs', '--jobs=1', '--timeout=240', ...files.map((file) => `${folder}/${file}`)],
    {
      timeoutMs: 900_000,
      env: {
        ...process.env,
        REDIS_SERVER: command,
        TEST_RESULTS: results,
        TOPOLOGIES: rows,
        SERVER_NAME: `${name === 'valkey' ? 'Valkey' : 'Redis'} ${version ?? ''}`.trim()
      }
    }
  )
  const { passed, failed } = existsSync(results)
    ? JSON.parse(readFileSync(results, 'utf8'))
    : { passed: 0, failed: 1 }
  total.passed += passed
  total.failed += done.status !== 0 && failed === 0 ? 1 : failed
}

// Runs the tests on other versions of Node.js, Fastify, ioredis and Redis: `npm run test:matrix`, or with names:
// `npm run test:matrix -- ioredis-5 valkey`. All tests run once per Node.js version. Every other environment runs the
// tests that depend on it. Each runs in its own copy of the project.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { root, run, tryRun } from '../run.mjs'
import { allTests } from '../test/suites.mjs'
import { debianServers } from './debian-servers.mjs'
import { otherNode } from './other-node.mjs'
import { copyProject } from './project-copy.mjs'
import { onClient, onFastify, onServer } from './selected-tests.mjs'

const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Most tests on Redis wait for timeouts, so more of them run at once than processors could run. */
const WAITING_JOBS = 2 * availableParallelism()

const servers = { redis: () => debianServers()?.redis, valkey: () => debianServers()?.valkey }
const lowest = (name) => /\d+\.\d+\.\d+/.exec(peerDependencies[name])[0]

const environments = {
  base: { files: allTests },
  'node-20': { node: '20', files: allTests },
  'node-22': { node: '22', files: allTests },
  'node-24': { node: '24', files: allTests },
  'ioredis-lowest': { packages: [`ioredis@${lowest('ioredis')}`], files: onClient },
  'ioredis-5': { packages: ['ioredis@5'], files: onClient },
  'later-redis': { server: servers.redis, files: onServer },
  valkey: { server: servers.valkey, files: onServer },
  'fastify-lowest': { packages: [`fastify@${lowest('fastify')}`], files: onFastify },
  'fastify-latest': { packages: ['fastify@5'], files: onFastify }
}

const requested = process.argv.slice(2)
const unknown = requested.filter((name) => !(name in environments))
if (unknown.length > 0) {
  console.error(
    `unknown environment ${unknown.join(', ')}, expected one of ${Object.keys(environments).join(', ')}`
  )
  process.exit(1)
}

const TIMEOUT_MS = 1_800_000
const outputs = mkdtempSync(join(tmpdir(), 'matrix-'))
process.once('exit', () => rmSync(outputs, { recursive: true, force: true }))

const baseVersions = versionsOf({ node: process.execPath, folder: root })
const wanted = requested.length > 0 ? requested : Object.keys(environments).filter((name) => name !== 'base')
const rows = new Map()
for (const name of wanted) {
  rows.set(name, await runIn(name, environments[name]))
  console.log(toLine({ name, ...rows.get(name) }))
}

console.log('\n| environment | versions | passed | failed | seconds |\n| --- | --- | --- | --- | --- |')
for (const name of wanted) console.log(toLine({ name, ...rows.get(name) }))
if ([...rows.values()].some(({ failed }) => failed > 0)) process.exit(1)

async function runIn(name, { node: line, packages, server: findServer, files }) {
  const server = findServer?.()
  if (findServer && !server) return { versions: 'not available: apt or the Debian archive is missing' }
  const node = line ? otherNode(line) : { path: process.execPath, remove() {} }
  const project = copyProject(packages)
  try {
    const versions = versionsOf({ node: node.path, folder: project.path, server })
    if (name !== 'base' && versions === baseVersions) return { versions: 'as in `npm test`' }
    return { versions, ...(await runTests({ name, node: node.path, folder: project.path, server, files })) }
  } finally {
    node.remove()
    project.remove()
  }
}

async function runTests({ name, node, folder, server, files }) {
  const results = join(outputs, `${name}.json`)
  const before = performance.now()
  const jobs = [onClient, onServer].includes(files) ? [`--jobs=${WAITING_JOBS}`] : []
  const child = spawn(node, [join(folder, 'scripts/test/run.mjs'), '--disable-coverage', ...jobs, ...files], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    env: {
      ...process.env,
      PATH: `${dirname(node)}${delimiter}${process.env.PATH}`,
      TEST_RESULTS: results,
      ...(server && { REDIS_SERVER: server })
    }
  })
  const output = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk))
  const [status] = await once(child, 'close')
  const seconds = Math.round((performance.now() - before) / 1000)
  const counts = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : { passed: 0, failed: 0 }
  const failed = counts.failed || Number(status !== 0)
  if (failed > 0) console.log(`\n${name}:\n${Buffer.concat(output)}`)
  return { passed: counts.passed, failed, seconds }
}

function versionsOf({ node, folder, server = process.env.REDIS_SERVER ?? 'redis-server' }) {
  const installed = (name) =>
    JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version
  const line = tryRun(server, ['--version'], { stdio: 'pipe' }).stdout ?? ''
  return [
    `Node.js ${run(node, ['--version'], { stdio: 'pipe' }).trim().slice(1)}`,
    `Fastify ${installed('fastify')}`,
    `ioredis ${installed('ioredis')}`,
    `${/^\w+/.exec(line)?.[0] ?? 'no Redis'} ${/v=(\S+)/.exec(line)?.[1] ?? ''}`.trim()
  ].join(', ')
}

function toLine({ name, versions, passed = '', failed = '', seconds = '' }) {
  return `| ${name} | ${versions} | ${passed} | ${failed} | ${seconds} |`
}

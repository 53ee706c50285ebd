// Checks whether this commit can be published: `npm run release:check`. It runs the tests, prints the remaining steps, and
// publishes nothing. The release workflow passes `--tag v0.1.0`, the tag that it publishes.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run, tryRun } from '../run.mjs'

const { name, version, repository, publishConfig } = JSON.parse(read('package.json'))
const lock = JSON.parse(read('package-lock.json'))
const tag = argument('--tag')
const wantedTag = `v${version}`

const problems = []
if (git('status', '--porcelain') !== '') problems.push('there are uncommitted changes')
if (lock.version !== version) problems.push('package-lock.json has another version. Run npm install')
if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) problems.push(`${version} is not a valid version`)
const [, date] =
  new RegExp(`^## \\[${version.replaceAll('.', '\\.')}\\] - (\\S+)$`, 'm').exec(read('CHANGELOG.md')) ?? []
if (!/^\d{4}-\d\d-\d\d$/.test(date ?? '')) problems.push(`CHANGELOG.md has no "## [${version}] - yyyy-mm-dd"`)
if (!read('SECURITY.md').includes(`| ${supportedLine(version)} |`))
  problems.push(`SECURITY.md does not list ${supportedLine(version)} as supported`)
if (!publishConfig?.provenance || publishConfig.access !== 'public')
  problems.push('publishConfig must have access public and provenance')
if (!repository?.url) problems.push('package.json has no repository, which provenance requires')
if (tag !== undefined && tag !== wantedTag)
  problems.push(`the tag is ${tag}, but the version requires ${wantedTag}`)
if (tag === undefined && git('tag', '--list', wantedTag) !== '')
  problems.push(`the tag ${wantedTag} already exists`)

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)

for (const suite of ['test', 'test:docs', 'test:thorough'])
  run('npm', ['run', suite], { timeoutMs: 1_800_000 })
run('npm', ['run', 'test:package'], { timeoutMs: 600_000 })
console.log(`\n${name} ${version} can be published`)
if (tag === undefined) console.log(`next step: git tag -s ${wantedTag} && git push origin ${wantedTag}`)

/** Returns the supported versions: before 1.0 those of the minor version, otherwise those of the major version. */
function supportedLine(version) {
  const [major, minor] = version.split('.')
  return major === '0' ? `0.${minor}.x` : `${major}.x`
}

function read(file) {
  return readFileSync(join(root, file), 'utf8')
}

function git(...args) {
  const { status, stdout, stderr } = tryRun('git', args, { stdio: 'pipe' })
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`)
  return stdout.trim()
}

function argument(flag) {
  const at = process.argv.indexOf(flag)
  return at < 0 ? undefined : process.argv[at + 1]
}

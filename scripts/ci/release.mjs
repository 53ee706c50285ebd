// Whether this commit can be published: `npm run release:check`. Looks, runs the tests, prints what is left to do, and
// publishes nothing. `-- --tag v0.1.0` is for the workflow that publishes what that tag names.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run, tryRun } from '../run.mjs'

const { name, version, repository, publishConfig } = JSON.parse(read('package.json'))
const lock = JSON.parse(read('package-lock.json'))
const tag = argument('--tag')
const wantedTag = `v${version}`

const problems = []
if (git('status', '--porcelain') !== '') problems.push('the tree has changes that are not committed')
if (lock.version !== version) problems.push('package-lock.json has another version: npm install')
if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) problems.push(`${version} is no version`)
const [, date] =
  new RegExp(`^## \\[${version.replaceAll('.', '\\.')}\\] - (\\S+)$`, 'm').exec(read('CHANGELOG.md')) ?? []
if (!/^\d{4}-\d\d-\d\d$/.test(date ?? '')) problems.push(`CHANGELOG.md has no "## [${version}] - yyyy-mm-dd"`)
if (!read('SECURITY.md').includes(`| ${supportedLine(version)} |`))
  problems.push(`SECURITY.md does not say that ${supportedLine(version)} is supported`)
if (!publishConfig?.provenance || publishConfig.access !== 'public')
  problems.push('publishConfig must have access public and provenance')
if (!repository?.url) problems.push('package.json names no repository: there is no provenance without')
if (tag !== undefined && tag !== wantedTag)
  problems.push(`the tag is ${tag}, and the version wants ${wantedTag}`)
if (tag === undefined && git('tag', '--list', wantedTag) !== '')
  problems.push(`${wantedTag} is a tag already`)

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)

run('npm', ['test'], { timeoutMs: 1_800_000 })
run('npm', ['run', 'test:package'], { timeoutMs: 600_000 })
console.log(`\n${name} ${version} can be published`)
if (tag === undefined) console.log(`left to do: git tag -s ${wantedTag} && git push origin ${wantedTag}`)

/** The versions that a fix is made for: before 1.0 those of the minor version. */
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

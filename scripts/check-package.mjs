// Tests the package as it is published: packs it, lints the tarball, installs it into an empty project, and
// loads it there by import, by require and from TypeScript.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run, tsc } from './run.mjs'

const { name, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const folder = mkdtempSync(join(tmpdir(), 'package-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const project = join(folder, 'project')
mkdirSync(project)

run('npm', ['pack', '--pack-destination', folder], { stdio: 'pipe' })
const tarball = join(
  folder,
  `${name}-${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version}.tgz`
)
run(process.execPath, ['node_modules/publint/src/cli.js', 'run', tarball, '--strict'])
run(process.execPath, ['node_modules/@arethetypeswrong/cli/dist/index.js', tarball, '--profile', 'strict'])

const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
write('package.json', JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
run(
  'npm',
  [
    ...install,
    tarball,
    `fastify@${devDependencies.fastify}`,
    `@types/node@${devDependencies['@types/node']}`
  ],
  {
    cwd: project,
    stdio: 'pipe'
  }
)

const check = `
const names = ['MemoryStore', 'RedisStore']
if (typeof module.default !== 'function') throw new Error('the default export is no function')
if (module.default !== module.fastifyRefreshToken) throw new Error('default and named export differ')
for (const name of names) {
  if (!/^class\\b/.test(String(module[name]))) throw new Error(name + ' is no class')
}
`
write('esm.mjs', `import * as module from '${name}'\n${check}`)
write('cjs.cjs', `const module_ = require('${name}')\n${check.replaceAll('module', 'module_')}`)
const types = `
const same: typeof named = plugin
const stores: ReadonlyArray<abstract new (...args: never[]) => object> = [MemoryStore, RedisStore]
const app = fastify()
app.register(same, {} as Parameters<typeof named>[1])
console.log(stores)
`
const imports = `import { fastify } from 'fastify'\nimport plugin, { fastifyRefreshToken as named, MemoryStore, RedisStore } from '${name}'\n`
write('consumer.ts', imports + types)
write('consumer.cts', imports + types)

for (const file of ['esm.mjs', 'cjs.cjs']) run(process.execPath, [file], { cwd: project })

// Without ioredis, an optional peer, as a user of the memory store has it; then with it, declarations checked too.
compile('nodenext', 'nodenext', true)
compile('esnext', 'bundler', true)
run('npm', [...install, `ioredis@${devDependencies.ioredis}`], { cwd: project, stdio: 'pipe' })
compile('nodenext', 'nodenext', false)
compile('esnext', 'bundler', false)
console.log('the package works with import, require and TypeScript (nodenext, bundler)')

function write(file, text) {
  writeFileSync(join(project, file), text)
}

function compile(module, moduleResolution, skipLibCheck) {
  const files = moduleResolution === 'nodenext' ? ['consumer.ts', 'consumer.cts'] : ['consumer.ts']
  const compilerOptions = {
    target: 'es2023',
    types: ['node'],
    strict: true,
    noEmit: true,
    module,
    moduleResolution,
    skipLibCheck
  }
  write('tsconfig.json', JSON.stringify({ compilerOptions, files }))
  run(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: project })
}

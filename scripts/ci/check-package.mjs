// Tests the published package: packs it, checks its files, lints the tarball, installs it into an empty project, and loads it
// there with import, with require and from TypeScript.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run, tsc } from '../run.mjs'
import { problemsOf } from './packed-files.mjs'

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
const problems = problemsOf(tarball, folder)
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)
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
if (typeof module.default !== 'function') throw new Error('the default export is not a function')
if (module.default !== module.fastifyRefreshToken) throw new Error('default and named export differ')
if (typeof module.resourceServer !== 'function') throw new Error('resourceServer is not a function')
for (const name of names) {
  if (!/^class\\b/.test(String(module[name]))) throw new Error(name + ' is not a class')
}
`
write('esm.mjs', `import * as module from '${name}'\n${check}`)
write('cjs.cjs', `const module_ = require('${name}')\n${check.replaceAll('module', 'module_')}`)
const types = `
import { fastify } from 'fastify'
import plugin, { fastifyRefreshToken as named, MemoryStore, RedisStore, securitySchemes } from '${name}'
import { type AuthFetch, createAuth, createAuthFetch } from '${name}/client'

declare module '${name}' {
  interface Claims { roles: string[] }
}

const same: typeof named = plugin
const stores: ReadonlyArray<abstract new (...args: never[]) => object> = [MemoryStore, RedisStore]
const app = fastify()
app.register(same, {} as Parameters<typeof named>[1])
app.get('/', { preHandler: app.authenticate }, async ({ user }) => user?.roles.length)
app.sessions.create({ sub: 'a', claims: { roles: [] } })
// @ts-expect-error
app.sessions.create({ sub: 'a' })
// @ts-expect-error
app.register(plugin, { secret: '', cookies: {} })
const client: AuthFetch = createAuthFetch({ baseUrl: securitySchemes().bearerAuth.type })
createAuth({ baseUrl: '' }).snapshot().user?.sub
console.log(stores, client)
`
for (const file of ['consumer.ts', 'consumer.mts', 'consumer.cts']) write(file, types)

// The app uses one build, and the testing helpers use the other.
const testing = `
const app = fastify()
app.register(plugin, { secret: 'for tests: any thirty-two bytes or more', routes: { login: false } })
const start = async () => {
  const { headers, cookies } = await createTestSession(app, { sub: 'ada' })
  const { statusCode } = await app.inject({ method: 'POST', url: '/auth/refresh', headers, cookies })
  if (statusCode !== 200) throw new Error('refresh: ' + statusCode)
}
void start()
testSessionStore({ test: (name, run) => run, open: (now) => ({ store: new MemoryStore({ now }) }) })
`
write(
  'testing.mjs',
  `import { createRequire } from 'node:module'
import fastify from 'fastify'
import { createTestSession, testSessionStore } from '${name}/testing'
const { fastifyRefreshToken: plugin, MemoryStore } = createRequire(import.meta.url)('${name}')
${testing}`
)
write(
  'testing.cjs',
  `const { fastify } = require('fastify')
const { fastifyRefreshToken: plugin, MemoryStore } = require('${name}')
const { createTestSession, testSessionStore } = require('${name}/testing')
${testing}`
)
const typed = `import { fastify } from 'fastify'
import plugin, { MemoryStore } from '${name}'
import { createTestSession, testSessionStore } from '${name}/testing'
${testing}`
write('testing.ts', typed)
write('testing.cts', typed)

// The file for pages without a bundler.
write(
  'browser.mjs',
  `import { createAuth } from './node_modules/${name}/dist/browser/client.js'
if (createAuth({ baseUrl: 'https://example.com' }).snapshot().status !== 'unknown') throw new Error('no snapshot')
`
)

for (const file of ['esm.mjs', 'cjs.cjs', 'testing.mjs', 'testing.cjs', 'browser.mjs'])
  run(process.execPath, [file], { cwd: project })

// First without the optional peer dependency ioredis, then with it, and then with a check of all declarations.
compileAll({ skipLibCheck: true })
run('npm', [...install, `ioredis@${devDependencies.ioredis}`], { cwd: project, stdio: 'pipe' })
compileAll({ skipLibCheck: true })
compileAll({ skipLibCheck: false })
for (const module of ['node16', 'nodenext'])
  compile(['testing.ts', 'testing.cts'], { module, moduleResolution: module })
compile(['testing.ts'], { module: 'esnext', moduleResolution: 'bundler' })
console.log('the package works with import, require and TypeScript (node16, nodenext, bundler)')

function write(file, text) {
  writeFileSync(join(project, file), text)
}

// Compiles each file alone, because the two builds have separate types, and also both files in one program.
function compileAll(options) {
  compile(['consumer.mts', 'consumer.cts'], { module: 'nodenext', moduleResolution: 'nodenext', ...options })
  for (const module of ['node16', 'nodenext']) {
    for (const file of ['consumer.mts', 'consumer.cts'])
      compile([file], { module, moduleResolution: module, ...options })
  }
  for (const module of ['esnext', 'commonjs']) {
    compile(['consumer.ts'], { module, moduleResolution: 'bundler', ...options })
  }
}

function compile(files, options) {
  const compilerOptions = { target: 'es2023', types: ['node'], strict: true, noEmit: true, ...options }
  write('tsconfig.json', JSON.stringify({ compilerOptions, files }))
  run(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: project })
}

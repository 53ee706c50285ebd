// Runs TypeScript by replacing its types with spaces. Every character keeps its position, so that coverage needs no source
// map. With a transpiling loader whose source maps contain no source, the report counts nothing and shows 100 %.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'

const cacheDir = new URL('../node_modules/.cache/ts-blank-space/', import.meta.url)
const { version } = JSON.parse(
  await readFile(new URL('../node_modules/ts-blank-space/package.json', import.meta.url), 'utf8')
)

// The examples import the package by its name, which resolves to lib/, as for tsc and tsx.
const { compilerOptions } = JSON.parse(await readFile(new URL('../tsconfig.json', import.meta.url), 'utf8'))
const ownModules = new Map(
  Object.entries(compilerOptions.paths).map(([name, [file]]) => [
    name,
    new URL(`../${file}`, import.meta.url).href
  ])
)

/** Marks a test file that shares its process with others, where `t` is the test of this file. See test/group.mjs. */
const IN_GROUP = '?in-group'
const GROUP = new URL('test/group.mjs', import.meta.url).href

export async function resolve(specifier, context, nextResolve) {
  if (specifier === 'tap' && context.parentURL?.endsWith(IN_GROUP)) {
    const { url } = await nextResolve('tap', context)
    const file = context.parentURL.slice(0, -IN_GROUP.length)
    return { url: `tap-in-group:${encodeURIComponent(url)}:${encodeURIComponent(file)}`, shortCircuit: true }
  }
  // openapi-typescript needs the JavaScript API of the compiler, which TypeScript 7 does not have.
  if (specifier === 'typescript' && context.parentURL?.includes('/openapi-typescript/')) {
    return nextResolve('typescript-6', context)
  }
  if (ownModules.has(specifier)) return nextResolve(ownModules.get(specifier), context)
  return nextResolve(sourceOf(specifier, context.parentURL) ?? specifier, context)
}

/** Returns the URL of the TypeScript file that a relative import of a `.js` file means, if there is one. */
function sourceOf(specifier, parentURL) {
  if (!specifier.endsWith('.js') || !/^(\.|file:)/.test(specifier)) return undefined
  const url = new URL(specifier, parentURL)
  if (url.protocol !== 'file:' || url.pathname.includes('/node_modules/')) return undefined
  url.pathname = url.pathname.replace(/js$/, 'ts')
  return existsSync(url) ? url.href : undefined
}

export async function load(url, context, nextLoad) {
  if (url.startsWith('tap-in-group:')) {
    const [, tap, file] = url.split(':').map(decodeURIComponent)
    const source = [
      `import { testOf } from '${GROUP}'`,
      `export * from '${tap}'`,
      `export default testOf('${file}')`
    ].join('\n')
    return { format: 'module', shortCircuit: true, source }
  }
  if (!/^file:.*(?<!\.d)\.ts(\?|$)/.test(url) || url.includes('/node_modules/')) return nextLoad(url, context)
  const { source } = await nextLoad(url, { ...context, format: 'module' })
  return { format: 'module', shortCircuit: true, source: await blank(String(source), url) }
}

// Loading TypeScript takes 400 ms. With the cache only the first process does so.
async function blank(source, url) {
  const file = new URL(`${createHash('sha256').update(version).update(source).digest('hex')}.js`, cacheDir)
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
  const { default: tsBlankSpace } = await import('ts-blank-space')
  const output = tsBlankSpace(source, (node) => {
    throw new SyntaxError(`${url}: not erasable TypeScript: ${node.getText?.() ?? node.kind}`)
  })
  await mkdir(cacheDir, { recursive: true })
  const draft = new URL(`${file.href}.${process.pid}`)
  await writeFile(draft, output)
  await rename(draft, file)
  return output
}

// Runs TypeScript by blanking out its types. Every character stays at its place, so no source map stands
// between V8 and the report: with a transpiling loader whose maps carry no source, c8 reports 100 % of nothing.
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'

const cacheDir = new URL('../node_modules/.cache/ts-blank-space/', import.meta.url)
const { version } = JSON.parse(
  await readFile(new URL('../node_modules/ts-blank-space/package.json', import.meta.url), 'utf8')
)

// The package by its own name is what is in lib/, as for tsc and tsx: the examples import it so.
const { compilerOptions } = JSON.parse(await readFile(new URL('../tsconfig.json', import.meta.url), 'utf8'))
const ownModules = new Map(
  Object.entries(compilerOptions.paths).map(([name, [file]]) => [
    name,
    new URL(`../${file}`, import.meta.url).href
  ])
)

export async function resolve(specifier, context, nextResolve) {
  // It needs the compiler's JavaScript API, which TypeScript 7 does not have.
  if (specifier === 'typescript' && context.parentURL?.includes('/openapi-typescript/')) {
    return nextResolve('typescript-6', context)
  }
  if (ownModules.has(specifier)) return nextResolve(ownModules.get(specifier), context)
  try {
    return await nextResolve(specifier, context)
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND' || !error.url?.endsWith('.js')) throw error
    return nextResolve(error.url.replace(/\.js$/, '.ts'), context)
  }
}

export async function load(url, context, nextLoad) {
  if (!/^file:.*(?<!\.d)\.ts(\?|$)/.test(url) || url.includes('/node_modules/')) return nextLoad(url, context)
  const { source } = await nextLoad(url, { ...context, format: 'module' })
  return { format: 'module', shortCircuit: true, source: await blank(String(source), url) }
}

// TypeScript takes 400 ms to load; the cache spares it to every test file but the first.
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

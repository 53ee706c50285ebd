// Checks the size of the client: `npm run test:size`. Bundled, minified and gzipped it must be smaller than 4 kB, and it must
// not import anything.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { root } from './run.mjs'

const LIMIT = 4096

const all = await bundle(`export * from './lib/client/index.ts'`)
const single = await bundle(`export { createAuthFetch } from './lib/client/index.ts'`)
const unused = await bundle(`import './lib/client/index.ts'`)

const problems = []
if (all.gzipped >= LIMIT) problems.push(`${all.gzipped} bytes, must be less than ${LIMIT}`)
for (const path of all.imports) problems.push(`imports ${path}`)
if (single.gzipped > all.gzipped) problems.push('createAuthFetch alone is larger than the whole client')
if (unused.text.trim() !== '')
  problems.push(`leaves code in the bundle if it is unused: ${unused.text.slice(0, 200)}`)

for (const problem of problems) console.error(`client: ${problem}`)
if (problems.length > 0) process.exit(1)
console.log(
  `client: ${all.gzipped} bytes minified and gzipped (${all.text.length} minified), ${single.gzipped} for createAuthFetch alone, 0 if unused`
)

async function bundle(contents) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true,
    // Keeps imports of packages, so that they are reported.
    packages: 'external',
    logLevel: 'error'
  })
  const [{ text }] = outputFiles
  const outputs = Object.values(metafile.outputs)
  return {
    text,
    gzipped: gzipSync(text, { level: 9 }).length,
    imports: outputs.flatMap(({ imports }) => imports.map(({ path }) => path))
  }
}

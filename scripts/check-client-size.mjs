// The client as a browser gets it: bundled, minified and gzipped it must stay under 4 kB, and import nothing.
// `npm run test:size`
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { root } from './run.mjs'

const LIMIT = 4096

const all = await bundle(`export * from './lib/client/index.ts'`)
const alone = await bundle(`export { createAuthFetch } from './lib/client/index.ts'`)
const unused = await bundle(`import './lib/client/index.ts'`)

const problems = []
if (all.gzipped >= LIMIT) problems.push(`${all.gzipped} bytes: ${LIMIT} are too many`)
for (const path of all.imports) problems.push(`it imports ${path}`)
if (alone.gzipped > all.gzipped) problems.push('createAuthFetch alone is larger than all there is')
if (unused.text.trim() !== '') problems.push(`unused, it leaves behind: ${unused.text.slice(0, 200)}`)

for (const problem of problems) console.error(`the client: ${problem}`)
if (problems.length > 0) process.exit(1)
console.log(
  `the client: ${all.gzipped} bytes minified and gzipped (${all.text.length} minified), ${alone.gzipped} for createAuthFetch alone; nothing where it is not used`
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
    // What is not found in the repository is an import that is left.
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

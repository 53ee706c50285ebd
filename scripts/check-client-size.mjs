// Checks the size of each export of the client: `npm run test:size`. The sizes are bundled, minified and gzipped. The client
// must not import anything.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { BUNDLE_OPTIONS } from './bundle-client.mjs'
import { root } from './run.mjs'

/** What an application imports, and the limit in bytes. The first one is the core, which every application loads. */
const LIMITS = {
  'createAuthFetch, UnavailableError': 4096,
  createAuth: 4928,
  'createAuthFetch, bodyTransport': 4864,
  'createAuthFetch, headerTransport': 4864,
  'createAuthFetch, createBoundKey': 5376,
  'createAuthFetch, customKey': 4416,
  'createAuth, createAuthFetch, bodyTransport, headerTransport, createBoundKey, customKey, UnavailableError': 6848
}

const problems = []
for (const [names, limit] of Object.entries(LIMITS)) {
  const { text, gzipped, imports } = await bundle(`export { ${names} } from './lib/client/index.ts'`)
  console.log(`client: ${gzipped} of ${limit} bytes minified and gzipped (${text.length} minified): ${names}`)
  if (gzipped > limit) problems.push(`${names}: ${gzipped} bytes, must be at most ${limit}`)
  for (const path of imports) problems.push(`imports ${path}`)
}
const unused = await bundle(`import './lib/client/index.ts'`)
if (unused.text.trim() !== '')
  problems.push(`leaves code in the bundle if it is unused: ${unused.text.slice(0, 200)}`)

for (const problem of problems) console.error(`client: ${problem}`)
if (problems.length > 0) process.exit(1)

async function bundle(contents) {
  const { outputFiles, metafile } = await build({
    ...BUNDLE_OPTIONS,
    stdin: { contents, resolveDir: root, loader: 'ts' },
    metafile: true,
    // Keeps imports of packages, so that they are reported.
    packages: 'external'
  })
  const [{ text }] = outputFiles
  const outputs = Object.values(metafile.outputs)
  return {
    text,
    gzipped: gzipSync(text, { level: 9 }).length,
    imports: outputs.flatMap(({ imports }) => imports.map(({ path }) => path))
  }
}

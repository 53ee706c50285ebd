import { build } from 'esbuild'
import { root } from './run.mjs'

/**
 * Bundles the client into one minified ES module, for pages without a bundler.
 * @returns {Promise<string>}
 */
export async function bundleClient() {
  const { outputFiles } = await build({
    entryPoints: ['lib/client/index.ts'],
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    logLevel: 'error'
  })
  return outputFiles[0].text
}

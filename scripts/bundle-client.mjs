import { build } from 'esbuild'
import { root } from './run.mjs'

/** A minified ES module for browsers. The size check measures the same. */
export const BUNDLE_OPTIONS = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  write: false,
  logLevel: 'error'
}

/**
 * Bundles the client into one minified ES module, for pages without a bundler.
 * @returns {Promise<string>}
 */
export async function bundleClient() {
  const { outputFiles } = await build({
    ...BUNDLE_OPTIONS,
    entryPoints: ['lib/client/index.ts']
  })
  return outputFiles[0].text
}

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleClient } from './bundle-client.mjs'
import { root, run, tsc } from './run.mjs'

rmSync(join(root, 'dist'), { recursive: true, force: true })
run(process.execPath, [tsc, '-p', 'tsconfig.esm.json', '--singleThreaded'])
run(process.execPath, [tsc, '-p', 'tsconfig.cjs.json', '--singleThreaded'])
// The root package.json has "type": "module". This one overrides it for the CommonJS build.
writeFileSync(join(root, 'dist/cjs/package.json'), '{ "type": "commonjs" }\n')
// The client for pages without a bundler. Its types are those of the ESM build.
mkdirSync(join(root, 'dist/browser'))
writeFileSync(join(root, 'dist/browser/client.js'), await bundleClient())
writeFileSync(join(root, 'dist/browser/client.d.ts'), "export * from '../esm/lib/client/index.js'\n")

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run, tsc } from './run.mjs'

rmSync(join(root, 'dist'), { recursive: true, force: true })
run(process.execPath, [tsc, '-p', 'tsconfig.esm.json', '--singleThreaded'])
run(process.execPath, [tsc, '-p', 'tsconfig.cjs.json', '--singleThreaded'])
// The root package.json has "type": "module". This one overrides it for the CommonJS build.
writeFileSync(join(root, 'dist/cjs/package.json'), '{ "type": "commonjs" }\n')

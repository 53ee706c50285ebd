import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run, tsc } from './run.mjs'

rmSync(join(root, 'dist'), { recursive: true, force: true })
run(process.execPath, [tsc, '-p', 'tsconfig.esm.json'])
run(process.execPath, [tsc, '-p', 'tsconfig.cjs.json'])
// The package says "type": "module"; the nearest package.json decides.
writeFileSync(join(root, 'dist/cjs/package.json'), '{ "type": "commonjs" }\n')

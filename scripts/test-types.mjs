// Runs tstyche with TypeScript 6, because it needs the JavaScript API of the compiler, which TypeScript 7 does not have.
import { run } from './run.mjs'

run(process.execPath, ['node_modules/tstyche/build/bin.js', ...process.argv.slice(2)], {
  env: { ...process.env, TSTYCHE_TYPESCRIPT_MODULE: import.meta.resolve('typescript-6') }
})

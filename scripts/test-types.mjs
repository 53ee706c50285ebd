// tstyche needs the compiler's JavaScript API, which TypeScript 7 does not have: it runs on TypeScript 6.
import { run } from './run.mjs'

run(process.execPath, ['node_modules/tstyche/build/bin.js', ...process.argv.slice(2)], {
  env: { ...process.env, TSTYCHE_TYPESCRIPT_MODULE: import.meta.resolve('typescript-6') }
})

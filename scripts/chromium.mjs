// Finds the Chromium of `npm run test:browser`: the one that CHROMIUM names, one on the PATH, or that of the npm package
// @sparticuz/chromium. The package contains a compressed Chromium with fonts and all libraries except libc. It is unpacked
// into a folder of this repository.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onPath } from './on-path.mjs'
import { root, tryRun } from './run.mjs'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']
const PACKAGE = '@sparticuz/chromium'

/** @returns {string | undefined} the path of a Chromium that runs */
export function findChromium() {
  if (process.env.CHROMIUM) return ifRuns(process.env.CHROMIUM)
  const installed = NAMES.map(onPath).find((path) => path && runs(path))
  return installed ?? ifRuns(unpacked())
}

function ifRuns(path) {
  return path && runs(path) ? path : undefined
}

function runs(path) {
  return tryRun(path, ['--version'], { stdio: 'ignore', timeoutMs: 30_000 }).status === 0
}

function unpacked() {
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules', PACKAGE, 'package.json'), 'utf8'))
  const folder = join(root, '.browser', version)
  const start = join(folder, 'start')
  // This file is written last, so that its existence means that the folder is complete.
  if (existsSync(start)) return start
  rmSync(join(root, '.browser'), { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  if (!unpack(folder)) return undefined
  writeFileSync(join(folder, 'fonts.conf'), fontConfigOf(folder))
  writeFileSync(start, startScriptOf(folder), { mode: 0o755 })
  return start
}

/** Unpacks with the code of the package. It uses the temporary folder, and unpacks the libraries only on AWS Lambda. */
function unpack(folder) {
  const code = `await (await import('${PACKAGE}')).default.executablePath()`
  const env = { ...process.env, TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: 'nodejs20.x' }
  return tryRun(process.execPath, ['--input-type=module', '-e', code], { env }).status === 0
}

/** Returns a script that sets the library path only for Chromium, and not for the process of the test. */
function startScriptOf(folder) {
  return `#!/bin/sh
export LD_LIBRARY_PATH='${join(folder, 'al2023/lib')}' FONTCONFIG_FILE='${join(folder, 'fonts.conf')}'
exec '${join(folder, 'chromium')}' "$@"
`
}

/** Returns a font configuration with the fonts of the package and of the machine, so that text looks the same everywhere. */
function fontConfigOf(folder) {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${join(folder, 'fonts')}</dir>
  <cachedir>${join(folder, 'font-cache')}</cachedir>
  <match><test name="family"><string>sans-serif</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Open Sans</string></edit></match>
  <match><test name="family"><string>system-ui</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Open Sans</string></edit></match>
</fontconfig>
`
}

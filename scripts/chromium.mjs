// The Chromium of `npm run test:browser`: CHROMIUM, one on the PATH, or that of the npm package @sparticuz/chromium. That one
// comes packed, with fonts and all the libraries it takes beside libc: it is unpacked into a folder of this repository.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onPath } from './on-path.mjs'
import { root, tryRun } from './run.mjs'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']
const PACKAGE = '@sparticuz/chromium'

/** @returns {string | undefined} the path of a Chromium that runs */
export function findChromium() {
  if (process.env.CHROMIUM) return running(process.env.CHROMIUM)
  const installed = NAMES.map(onPath).find((path) => path && runs(path))
  return installed ?? running(unpacked())
}

function running(path) {
  return path && runs(path) ? path : undefined
}

function runs(path) {
  return tryRun(path, ['--version'], { stdio: 'ignore', timeoutMs: 30_000 }).status === 0
}

function unpacked() {
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules', PACKAGE, 'package.json'), 'utf8'))
  const folder = join(root, '.browser', version)
  const start = join(folder, 'start')
  // Written last: where it is, all is.
  if (existsSync(start)) return start
  rmSync(join(root, '.browser'), { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  if (!unpack(folder)) return undefined
  writeFileSync(join(folder, 'fonts.conf'), fontsOf(folder))
  writeFileSync(start, starterOf(folder), { mode: 0o755 })
  return start
}

/** By the package's own hand, which unpacks into the folder for temporary files, and its libraries on Lambda alone. */
function unpack(folder) {
  const code = `await (await import('${PACKAGE}')).default.executablePath()`
  const env = { ...process.env, TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: 'nodejs20.x' }
  return tryRun(process.execPath, ['--input-type=module', '-e', code], { env }).status === 0
}

/** Not the test's own process but this one alone gets those libraries. */
function starterOf(folder) {
  return `#!/bin/sh
export LD_LIBRARY_PATH='${join(folder, 'al2023/lib')}' FONTCONFIG_FILE='${join(folder, 'fonts.conf')}'
exec '${join(folder, 'chromium')}' "$@"
`
}

/** The machine's fonts where it has some; text looks the same everywhere. */
function fontsOf(folder) {
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

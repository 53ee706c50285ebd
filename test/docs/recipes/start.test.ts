import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'

const FOLDER = 'examples/recipes'

/** Recipes that start more than an app. All others start in the same way. */
const STARTED = ['cors.ts', 'oauth-login.ts', 'custom-store.ts']

t.test('a recipe starts from the command line, and stops at SIGTERM', async (t) => {
  const sessionsFile = `${t.testdir({})}/sessions.jsonl`
  for (const file of STARTED) {
    const { recipe, url } = await start(t, file, sessionsFile)
    t.equal((await fetch(`${url}/me`)).status, 401, file)
    recipe.kill('SIGTERM')
    t.same(await once(recipe, 'exit'), [0, null], file)
  }
})

t.test('every recipe can be started, has a test, and is in the list', async (t) => {
  const list = await readFile('examples/README.md', 'utf8')
  for (const file of await readdir(FOLDER)) {
    const starts = (await readFile(`${FOLDER}/${file}`, 'utf8')).includes(
      'await serveIfStarted(import.meta.url, '
    )
    t.equal(list.includes(`(recipes/${file})`), true, `${file} is in the list`)
    if (!starts) continue
    const test = list.match(
      new RegExp(`\\(recipes/${file}\\).*\\((\\.\\./test/docs/recipes/[\\w-]+\\.test\\.ts)\\)`)
    )?.[1]
    t.ok(test && existsSync(join('examples', test)), `${file} has a test`)
  }
})

async function start(
  t: Test,
  file: string,
  SESSIONS_FILE: string
): Promise<{ recipe: ChildProcess; url: string }> {
  // Without the loaders of the test, which are in the environment.
  const env = { PATH: process.env.PATH, NODE_V8_COVERAGE: '', PORT: '0', SESSIONS_FILE }
  const recipe = spawn(process.execPath, ['--import', 'tsx', `${FOLDER}/${file}`], {
    env,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.after(() => recipe.kill('SIGKILL'))
  for await (const line of createInterface({ input: recipe.stdout })) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0]
    if (url !== undefined) return { recipe, url }
  }
  throw new Error(`${file} printed no URL`)
}

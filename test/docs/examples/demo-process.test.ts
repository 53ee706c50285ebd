import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { startRedis } from '../../support/redis-server.js'

t.test('the demo prints its address, serves the page, and stops at SIGTERM', async (t) => {
  const redis = await startRedis(t)
  const run = async (REDIS_URL?: string) => {
    const { demo, url } = await startDemo(t, REDIS_URL)
    t.match(await (await fetch(url)).text(), /<title>Stolen tokens are detected/)
    const login = await fetch(`${url}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'ada', password: 'analytical engine' })
    })
    t.equal(login.status, 200)
    demo.kill('SIGTERM')
    t.same(await once(demo, 'exit'), [0, null])
  }
  await Promise.all([run(), run(redis.url)])
  t.ok((await redis.client().keys('frt:*')).length > 0, 'the session is in Redis')
})

/** Starts the demo like `npm run demo`, on a free port. */
async function startDemo(
  t: Test,
  REDIS_URL: string | undefined
): Promise<{ demo: ChildProcess; url: string }> {
  // Without the loaders of the test, which are in the environment.
  const env = {
    PATH: process.env.PATH,
    NODE_V8_COVERAGE: '',
    PORT: '0',
    ...(REDIS_URL !== undefined && { REDIS_URL })
  }
  const demo = spawn(process.execPath, ['--import', 'tsx', 'examples/demo.ts'], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    env,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.after(() => demo.kill('SIGKILL'))
  const lines = createInterface({ input: demo.stdout })
  const [first] = (await once(lines, 'line')) as [string]
  const url = /http:\/\/\S+:\d+/.exec(first)?.[0]
  if (url === undefined) throw new Error(`no address in: ${first}`)
  return { demo, url }
}

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import helper from 'fastify-cli/helper.js'
import t, { type Test } from 'tap'
import { startRedis } from '../support/redis-server.js'
import { blocksIn, isCode } from './code-blocks/blocks.js'
import { startServer } from './code-blocks/run.js'
import { SECRETS } from './code-blocks/treat.js'

// docs/guides/fastify-cli.md shows the files of examples/fastify-cli, which fastify-cli starts here.

const FOLDER = 'examples/fastify-cli'
const APP = `${FOLDER}/src/app.ts`
/** Autoload otherwise looks for compiled files. */
const ENV = { ...SECRETS, FASTIFY_AUTOLOAD_TYPESCRIPT: '1' }
/** A busy machine may take longer than the 10 seconds of fastify-cli to load TypeScript. */
const PLUGIN_TIMEOUT = ['--plugin-timeout', '300000']
const CREDENTIALS = { username: 'ada', password: 'analytical engine' }

t.test('the page shows the files as they are', async (t) => {
  const blocks = (await blocksIn('docs/guides/fastify-cli.md')).filter(isCode)
  t.equal(blocks.length, 7)
  for (const { name = '', code } of blocks) t.equal(code, await readFile(join(FOLDER, name), 'utf8'), name)
})

/** The app, without a port. */
async function build(t: Test, env: Record<string, string>): Promise<FastifyInstance> {
  Object.assign(process.env, ENV, env)
  const app: FastifyInstance = await helper.build(['--log-level', 'silent', ...PLUGIN_TIMEOUT, APP], {
    skipOverride: true
  })
  for (const name of Object.keys({ ...ENV, ...env })) delete process.env[name]
  t.after(() => app.close())
  return app
}

async function goThrough(t: Test, app: FastifyInstance): Promise<void> {
  t.equal((await app.inject('/me')).json().code, 'FRT_ERR_NO_ACCESS_TOKEN')
  const post = (url: string, payload: object, cookies = {}) =>
    app.inject({ method: 'POST', url, payload, cookies })
  t.equal((await post('/auth/login', { ...CREDENTIALS, username: 'bob' })).statusCode, 401)
  t.equal((await post('/auth/login', {})).statusCode, 400)

  const login = await post('/auth/login', CREDENTIALS)
  const headers = { authorization: `Bearer ${login.json().access_token}` }
  t.match((await app.inject({ url: '/me', headers })).json(), { sub: 'user-1', name: 'ada' })
  const cookies = Object.fromEntries(login.cookies.map(({ name, value }) => [name, value]))
  t.equal((await post('/auth/refresh', {}, cookies)).statusCode, 200)
  t.equal((await post('/auth/logout', {}, cookies)).statusCode, 200)
  t.equal((await app.inject({ url: '/me', headers })).json().code, 'FRT_ERR_SESSION_REVOKED')
}

t.test('with Redis, whose connection is closed with the app', async (t) => {
  const server = await startRedis(t)
  const app = await build(t, { REDIS_URL: server.url })
  await goThrough(t, app)
  t.match(await server.client().keys('frt:*'), [/^frt:/])
  const { paths } = (await app.inject('/openapi.json')).json()
  t.ok('/auth/login' in paths && '/me/' in paths)
  const ended = once(app.redis, 'end')
  await app.close()
  await ended
})

t.test('without Redis, in memory', async (t) => {
  const app = await build(t, {})
  t.equal(app.redis, undefined)
  await goThrough(t, app)
})

t.test('fastify start serves it', async (t) => {
  const args = ['start', '--options', '--address', '127.0.0.1', ...PLUGIN_TIMEOUT, APP]
  const { origin } = await startServer(t, 'node_modules/fastify-cli/cli.js', ENV, args)
  const login = await fetch(`${origin.replace('localhost', '127.0.0.1')}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(CREDENTIALS)
  })
  t.equal(login.status, 200)
})

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import autoload from '@fastify/autoload'
import fastifyCookie from '@fastify/cookie'
import cors from '@fastify/cors'
import formbody from '@fastify/formbody'
import fastifyJwt from '@fastify/jwt'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { authenticate, fastifyRefreshToken } from '../../lib/index.js'
import { SECRET } from '../support/build-app.js'
import { blocksIn } from './code-blocks/blocks.js'
import { writeFiles } from './code-blocks/run.js'

// The two tables of docs/guides/where-to-register.md: each row, in the right order and in the wrong one.

type Step = (app: FastifyInstance) => unknown

const plugin: Step = (app) => app.register(fastifyRefreshToken, { secret: SECRET, login: () => null })

async function build(t: Test, ...steps: Step[]): Promise<FastifyInstance> {
  const app = Fastify()
  t.after(() => app.close())
  for (const step of steps) await step(app)
  await app.ready()
  return app
}

const login = (app: FastifyInstance) => app.inject({ method: 'POST', url: '/auth/login', payload: {} })

t.test('an error handler reaches the routes in either order', async (t) => {
  const handler: Step = (app) => {
    app.setErrorHandler((_error, _request, reply) => reply.code(418).send({ own: true }))
  }
  t.equal((await login(await build(t, handler, plugin))).statusCode, 418)
  t.equal((await login(await build(t, plugin, handler))).statusCode, 418)
})

t.test('hooks and @fastify/cors reach the routes in either order', async (t) => {
  const origin = 'https://app.example.com'
  const allow: Step = (app) => app.register(cors, { origin })
  const hook: Step = (app) => {
    app.addHook('onSend', async (_request, reply) => {
      reply.header('x-own', 'yes')
    })
  }
  const expected = { 'x-own': 'yes', 'access-control-allow-origin': origin }
  t.match((await login(await build(t, hook, allow, plugin))).headers, expected)
  t.match((await login(await build(t, plugin, hook, allow))).headers, expected)
})

t.test('@fastify/swagger documents the routes only if it comes before the plugin', async (t) => {
  const openapi: Step = (app) => app.register(swagger, { openapi: {} })
  const paths = (app: FastifyInstance) => Object.keys((app.swagger() as { paths: object }).paths)
  t.ok(paths(await build(t, openapi, plugin)).includes('/auth/login'))
  t.same(paths(await build(t, plugin, openapi)), [])
})

t.test('@fastify/rate-limit limits the routes only if it comes before the plugin', async (t) => {
  const limit: Step = (app) => app.register(rateLimit, { max: 1 })
  const before = await build(t, limit, plugin)
  await login(before)
  t.equal((await login(before)).statusCode, 429)
  const after = await build(t, plugin, limit)
  await login(after)
  t.equal((await login(after)).statusCode, 401)
})

t.test('@fastify/jwt must come before the plugin, unless it decorates another property', async (t) => {
  const jwt: Step = (app) => app.register(fastifyJwt, { secret: SECRET })
  const named: Step = (app) => app.register(fastifyJwt, { secret: SECRET, decoratorName: 'own' })
  await t.resolves(build(t, jwt, plugin))
  const wrong = Fastify()
  await plugin(wrong)
  // Called here, because what it throws while it is registered is an uncaught exception.
  t.throws(() => fastifyJwt(wrong, { secret: SECRET }, () => {}), { code: 'FST_ERR_DEC_ALREADY_PRESENT' })
  await wrong.close()
  await t.resolves(build(t, plugin, named))
})

t.test('@fastify/cookie and @fastify/formbody may come before or after', async (t) => {
  for (const other of [fastifyCookie, formbody]) {
    const step: Step = (app) => app.register(other)
    t.equal((await login(await build(t, step, plugin))).statusCode, 401)
    t.equal((await login(await build(t, plugin, step))).statusCode, 401)
  }
})

t.test('a route before the plugin is not guarded, and a hook before it is refused', async (t) => {
  const route: Step = (app) => {
    app.get('/me', { preHandler: app.authenticate }, async () => 'open')
  }
  t.equal((await (await build(t, plugin, route)).inject('/me')).statusCode, 401)
  t.equal((await (await build(t, route, plugin)).inject('/me')).body, 'open')
  await t.rejects(
    build(t, async (app) => app.addHook('preHandler', app.authenticate)),
    { code: 'FST_ERR_HOOK_INVALID_HANDLER' }
  )
  await t.rejects(
    build(t, async (app) => app.authorize('read')),
    TypeError
  )
  const exported: Step = (app) => {
    app.get('/me', { preHandler: authenticate }, async () => 'open')
  }
  t.equal((await (await build(t, exported, plugin)).inject('/me')).statusCode, 401)
  t.equal((await (await build(t, exported)).inject('/me')).json().code, 'FRT_ERR_NOT_REGISTERED')
})

t.test('@fastify/autoload', async (t) => {
  const auth = (await blocksIn('docs/guides/where-to-register.md')).find(
    ({ name }) => name === 'plugins/auth.mjs'
  )
  const page = await writeFiles(t, [])
  const plugins = {
    'rate-limit.mjs': named('rate-limit', "import each from '@fastify/rate-limit'", '{ max: 1 }'),
    'swagger.mjs': named('swagger', "import each from '@fastify/swagger'", '{ openapi: {} }')
  }
  process.env.AUTH_SECRET = SECRET

  async function load(t: Test, files: Record<string, string>): Promise<FastifyInstance> {
    const dir = join(page, t.name.replaceAll(/\W+/g, '-'))
    await mkdir(dir)
    for (const [name, code] of Object.entries(files)) await writeFile(join(dir, name), code)
    return build(t, (app) => app.register(autoload, { dir }))
  }

  async function isInOrder(app: FastifyInstance): Promise<boolean> {
    const isDocumented = '/auth/login' in (app.swagger() as { paths: object }).paths
    const send = () => app.inject({ method: 'POST', url: '/auth/login', payload: { username: 'ada' } })
    await send()
    const isLimited = (await send()).statusCode === 429
    t.equal(isDocumented, isLimited)
    return isDocumented
  }

  await t.test('in alphabetical order, auth comes too early', async (t) => {
    const code = auth?.code.replace(/, dependencies: .*\]/, '') ?? ''
    t.equal(await isInOrder(await load(t, { ...plugins, 'auth.mjs': code })), false)
  })
  await t.test('with dependencies it comes last', async (t) => {
    t.equal(await isInOrder(await load(t, { ...plugins, 'auth.mjs': auth?.code ?? '' })), true)
  })
  await t.test('with numbers it comes last', async (t) => {
    const code = auth?.code.replace(/, dependencies: .*\]/, '') ?? ''
    const files = { '50-auth.mjs': code, '30-rate-limit.mjs': plugins['rate-limit.mjs'] }
    t.equal(await isInOrder(await load(t, { ...files, '40-swagger.mjs': plugins['swagger.mjs'] })), true)
  })
  await t.test('a missing dependency fails', async (t) => {
    await t.rejects(load(t, { 'auth.mjs': auth?.code ?? '' }), /rate-limit/)
  })
})

function named(name: string, line: string, options: string): string {
  return `import fp from 'fastify-plugin'
${line}
export default fp(async (fastify) => { await fastify.register(each, ${options}) }, { name: '${name}' })
`
}

import fastifyJwt from '@fastify/jwt'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { fastifyRefreshToken } from '../../lib/index.js'

const appSecret = 'the secret of the app itself, for its own tokens'
const secret = 'a secret of thirty-two bytes, or more'
const invalid = { code: 'FRT_ERR_ACCESS_TOKEN_INVALID' }

function bareApp(t: Test): FastifyInstance {
  const app = Fastify()
  t.after(() => app.close())
  return app
}

async function registerPlugin(app: FastifyInstance, keyPrefix = 'frt:'): Promise<void> {
  const routes = { login: false as const, prefix: `/${keyPrefix}` }
  await app.register(fastifyRefreshToken, { secret, keyPrefix, routes })
}

async function tokenOf({ sessions }: FastifyInstance): Promise<string> {
  return (await sessions.create({ sub: 'user-1' })).accessToken
}

t.test('the plugin does not add decorators of @fastify/jwt', async (t) => {
  const app = bareApp(t)
  await registerPlugin(app)
  t.notOk(app.hasDecorator('jwt'))
  t.notOk(app.hasRequestDecorator('jwtVerify'))
  t.notOk(app.hasReplyDecorator('jwtSign'))
})

t.test('two registrations work with @fastify/jwt and reject tokens of each other', async (t) => {
  const app = bareApp(t)
  await app.register(fastifyJwt, { secret: appSecret, namespace: 'own', decoratorName: 'ownUser' })
  const scopes: FastifyInstance[] = []
  for (const prefix of ['customers:', 'staff:']) {
    await app.register(async (scope) => {
      await registerPlugin(scope, prefix)
      scopes.push(scope)
    })
  }
  await app.ready()
  const [customers, staff] = scopes as [FastifyInstance, FastifyInstance]
  for (const each of scopes) t.equal((await each.sessions.verify(await tokenOf(each))).sub, 'user-1')
  await t.rejects(customers.sessions.verify(await tokenOf(staff)), invalid)
  await t.rejects(staff.sessions.verify(await tokenOf(customers)), invalid)
})

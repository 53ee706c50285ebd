import fastifyJwt from '@fastify/jwt'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { secretKeys } from '../../lib/tokens/access-keys.js'
import { type AccessTokens, createAccessTokens } from '../../lib/tokens/access-token.js'
import { deriveKeys } from '../../lib/tokens/keys.js'
import type { Session } from '../../types/identity.js'

const appSecret = 'the secret of the app itself, for its own tokens'
const secrets = [Buffer.alloc(32, 'new'), Buffer.alloc(32, 'old')] as const
const invalid = { code: 'FRT_ERR_ACCESS_TOKEN_INVALID' }
const accessToken = { ttlMs: 300_000, issuer: undefined, audience: undefined }

const session: Session = {
  sid: 'abcdefghijklmnopqrstuvwxyz0',
  sub: 'user-1',
  gen: 1,
  createdAt: new Date(),
  lastUsedAt: new Date(),
  expiresAt: new Date(Date.now() + 86_400_000),
  endsAt: new Date(Date.now() + 86_400_000),
  remember: true,
  claims: {},
  metadata: {}
}

function ours(app: FastifyInstance, keyPrefix: string): Promise<AccessTokens> {
  return createAccessTokens(app, secretKeys(deriveKeys(secrets, keyPrefix)), { keyPrefix, accessToken })
}

function sign({ sign }: AccessTokens): string {
  return sign(session, {}, Date.now()).token
}

t.test('an app that has @fastify/jwt before keeps its own tokens, and each refuses the other', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyJwt, { secret: appSecret })
  const tokens = await ours(app, 'frt:')
  app.get('/app', async (request) => ({ payload: await request.jwtVerify() }))

  const appToken = app.jwt.sign({ of: 'the app' })
  const token = sign(tokens)
  t.equal(tokens.verify(token).sub, 'user-1')
  t.throws(() => tokens.verify(appToken), invalid)
  t.has(app.jwt.verify(appToken), { of: 'the app' })
  t.throws(() => app.jwt.verify(token))

  const get = (bearer: string) => app.inject({ url: '/app', headers: { authorization: `Bearer ${bearer}` } })
  t.has((await get(appToken)).json(), { payload: { of: 'the app' } })
  t.equal((await get(token)).statusCode, 401)
})

t.test('an app may register @fastify/jwt after', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const tokens = await ours(app, 'frt:')
  await app.register(fastifyJwt, { secret: appSecret })
  await app.ready()

  const appToken = app.jwt.sign({ of: 'the app' })
  t.has(app.jwt.verify(appToken), { of: 'the app' })
  t.throws(() => tokens.verify(appToken), invalid)
  t.equal(tokens.verify(sign(tokens)).sub, 'user-1')
})

t.test('an app that registers nothing gets no decorator of @fastify/jwt', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await ours(app, 'frt:')
  t.notOk(app.hasDecorator('jwt'))
  t.notOk(app.hasRequestDecorator('user'))
  t.notOk(app.hasRequestDecorator('jwtVerify'))
  t.notOk(app.hasReplyDecorator('jwtSign'))
})

t.test('two instances in one app refuse each other', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const customers = await ours(app, 'customers:')
  const staff = await ours(app, 'staff:')
  t.equal(customers.verify(sign(customers)).sub, 'user-1')
  t.equal(staff.verify(sign(staff)).sub, 'user-1')
  t.throws(() => customers.verify(sign(staff)), invalid)
  t.throws(() => staff.verify(sign(customers)), invalid)
})

t.test('two instances live with an app that has @fastify/jwt in scopes of its own', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyJwt, { secret: appSecret, namespace: 'own', decoratorName: 'ownUser' })
  const issued: AccessTokens[] = []
  for (const prefix of ['customers:', 'staff:']) {
    await app.register(async (scope) => {
      issued.push(await ours(scope, prefix))
    })
  }
  await app.ready()
  for (const tokens of issued) t.equal(tokens.verify(sign(tokens)).sub, 'user-1')
})

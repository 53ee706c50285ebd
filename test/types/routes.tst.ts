import swagger from '@fastify/swagger'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import { type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import {
  type AccessTokenClaims,
  type FastifyRefreshTokenOptions,
  type SecurityScheme,
  securitySchemes
} from 'fastify-refresh-token'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { describe, expect, test } from 'tstyche'
import { Type } from 'typebox'
import { z } from 'zod'

interface Credentials {
  username: string
  password: string
}

const app = fastify()

describe('guards with route types', () => {
  test('keep the generics of the route', () => {
    app.post<{ Body: Credentials; Params: { id: string }; Reply: { ok: boolean } }>(
      '/:id',
      { preHandler: [app.authenticate, app.authorize('write')] },
      async (request, reply) => {
        expect(request.body).type.toBe<Credentials>()
        expect(request.params.id).type.toBe<string>()
        expect(request.user).type.toBe<AccessTokenClaims | null>()
        expect(reply.send).type.not.toBeCallableWith({ ok: 'yes' })
        return { ok: true }
      }
    )
    app.get<{ Querystring: { page: number } }>('/', { onRequest: app.authenticate }, async ({ query }) => {
      expect(query.page).type.toBe<number>()
    })
  })

  test('keep the types of Zod', () => {
    const zod = app
      .withTypeProvider<ZodTypeProvider>()
      .setValidatorCompiler(validatorCompiler)
      .setSerializerCompiler(serializerCompiler)
    zod.post(
      '/zod',
      {
        preHandler: [zod.authenticate, zod.authorize((user) => user.sub !== '')],
        schema: {
          body: z.object({ n: z.coerce.number() }),
          response: { 200: z.object({ doubled: z.number() }) }
        }
      },
      async (request) => {
        expect(request.body.n).type.toBe<number>()
        expect(request.user).type.toBe<AccessTokenClaims | null>()
        const user = await request.authenticate()
        expect(user.sub).type.toBe<string>()
        return { doubled: request.body.n * 2 }
      }
    )
  })

  test('keep the types of TypeBox', () => {
    const typebox = app.withTypeProvider<TypeBoxTypeProvider>().setValidatorCompiler(TypeBoxValidatorCompiler)
    typebox.post(
      '/typebox',
      { preHandler: typebox.authenticate, schema: { body: Type.Object({ n: Type.Number() }) } },
      async (request, reply) => {
        expect(request.body.n).type.toBe<number>()
        expect(request.user?.sid).type.toBe<string | undefined>()
        return reply.startSession({ sub: request.user?.sub ?? '' })
      }
    )
  })
})

describe('login', () => {
  type Login = NonNullable<FastifyRefreshTokenOptions['login']>

  test('can have the request type of its schema', () => {
    expect<Login>().type.toBeAssignableFrom<
      (request: FastifyRequest<{ Body: Credentials }>) => Promise<{ sub: string } | null>
    >()
    expect<Login>().type.toBeAssignableFrom<
      (request: FastifyRequest<{ Querystring: { tenant: string }; Headers: { 'x-device': string } }>) => null
    >()
    expect<Login>().type.not.toBeAssignableFrom<(request: Credentials) => null>()
  })

  test('can return a reply', () => {
    expect<Login>().type.toBeAssignableFrom<() => Promise<FastifyReply | { sub: string } | null>>()
    expect<Login>().type.not.toBeAssignableFrom<() => Promise<FastifyReply | { id: string }>>()
  })

  test('has a body of type unknown by default', () => {
    const options: FastifyRefreshTokenOptions = {
      secret: '',
      login(request) {
        expect(request.body).type.toBe<unknown>()
        return null
      }
    }
    expect(options.secret).type.toBe<FastifyRefreshTokenOptions['secret']>()
  })
})

describe('securitySchemes', () => {
  test('have a type that @fastify/swagger accepts', () => {
    expect(app.register).type.toBeCallableWith(swagger, {
      openapi: { components: { securitySchemes: securitySchemes() } }
    })
    expect(app.register).type.toBeCallableWith(swagger, {
      openapi: {
        openapi: '3.1.0',
        components: {
          securitySchemes: {
            ...securitySchemes({ transport: 'header' }),
            key: { type: 'http', scheme: 'basic' }
          }
        }
      }
    })
  })

  test('accept all or some options of the plugin', () => {
    const options: FastifyRefreshTokenOptions = { secret: '' }
    expect(securitySchemes).type.toBeCallableWith(options)
    expect(securitySchemes).type.toBeCallableWith({ cookie: { name: 'a' } })
    expect(securitySchemes).type.not.toBeCallableWith({ cookies: {} })
    expect(securitySchemes().bearerAuth).type.toBe<SecurityScheme>()
    expect(securitySchemes()).type.not.toHaveProperty('refreshToken')
  })
})
